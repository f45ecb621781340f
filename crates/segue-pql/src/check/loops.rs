//! How often a definition goes over a profile's events within going over them: each time
//! multiplies what an evaluation takes by the number of events.

use super::Checker;
use crate::diagnostic::code;
use crate::expression::Expr;
use crate::limits::EVENT_LOOPS_MAX;

impl Checker<'_> {
    /// Refuses what would take too long for a profile of many events.
    pub(super) fn affordable(&mut self, condition: Expr) -> Option<Expr> {
        if loops(&condition.inlined()) <= EVENT_LOOPS_MAX {
            return Some(condition);
        }
        let message =
            format!("this goes over events more than {EVENT_LOOPS_MAX} times within each other");
        let help = "compare an event with one other event at most";
        self.refuse(code::LIMIT, condition.span, &message, help)
    }
}

/// How many lists of events are gone over within each other.
fn loops(expr: &Expr) -> usize {
    let list = expr.list();
    let is_over_events = list.is_some_and(Expr::reads_events);
    let mut deepest = 0;
    expr.for_each_child(&mut |child| {
        let is_list = list.is_some_and(|list| std::ptr::eq(list, child));
        deepest = deepest.max(loops(child) + usize::from(is_over_events && !is_list));
    });
    deepest
}
