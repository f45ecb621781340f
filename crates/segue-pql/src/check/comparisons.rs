//! Operators between two values.

use crate::diagnostic::{Span, code};
use crate::expression::{Comparison, ExprKind, TextRelation};
use crate::syntax::{Node, NodeKind};
use crate::vocabulary::Type;

use super::{Checker, Typed};

const SAME_FOR_ALL: &str = "this has the same answer for every profile";

impl Checker<'_> {
    pub(super) fn comparison(
        &mut self,
        span: Span,
        comparison: Comparison,
        left: &Node,
        right: &Node,
    ) -> Option<ExprKind> {
        let (left, right) = (self.value(left), self.value(right));
        let (left, right) = (left?, right?);
        for side in [&left, &right] {
            if side.of == Type::Condition {
                let message = "a condition cannot be compared";
                let help = "compare a field with a value, such as field = 5";
                return self.refuse(code::ARGUMENTS, side.span(), message, help);
            }
        }
        if left.is_constant() && right.is_constant() {
            let help = "compare a field with a value, such as field = 5";
            return self.refuse(code::NO_CHOICE, span, SAME_FOR_ALL, help);
        }
        match (left.of, right.of) {
            (_, Type::Moment) => return self.beside_moment(span, left, comparison, right),
            (Type::Moment, _) => {
                return self.beside_moment(span, right, comparison.mirrored(), left);
            }
            _ => {}
        }
        self.comparable(span, comparison, &left, &right)?;
        let (left, right, comparison) = if left.literal().is_some() {
            (right, left, comparison.mirrored())
        } else {
            (left, right, comparison)
        };
        let (left, right) = (Box::new(left.expr), Box::new(right.expr));
        Some(ExprKind::Compare { comparison, left, right })
    }

    /// Reports a comparison of which it is known that it never says anything.
    fn comparable(
        &mut self,
        span: Span,
        comparison: Comparison,
        left: &Typed,
        right: &Typed,
    ) -> Option<()> {
        let is_ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        for side in [left, right] {
            let (message, help) = match side.of {
                Type::Object => (
                    "an event as a whole cannot be compared",
                    "name one of its fields: variable.field",
                ),
                Type::Boolean if is_ordered => {
                    ("true and false have no order", "compare them with `=` or `!=`")
                }
                Type::List if is_ordered => {
                    ("lists have no order", "compare their length: list.count() > 3")
                }
                _ => continue,
            };
            let place = if side.of == Type::Boolean { span } else { side.span() };
            return self.refuse(code::ARGUMENTS, place, message, help);
        }
        if left.of == right.of || left.of == Type::Unknown || right.of == Type::Unknown {
            return Some(());
        }
        let message = format!("{} and {} are never equal", left.of.name(), right.of.name());
        let help = match (left.of, right.of) {
            (Type::List, _) | (_, Type::List) => "write value in [1, 2, 3], or list.count() = 3",
            _ => "compare values of one type; texts stand in double quotes",
        };
        self.refuse(code::ARGUMENTS, span, &message, help)
    }

    pub(super) fn membership(
        &mut self,
        span: Span,
        negated: bool,
        left: &Node,
        right: &Node,
    ) -> Option<ExprKind> {
        if let NodeKind::List(items) = &right.kind
            && items.is_empty()
        {
            let help = "write at least one value: field in [\"a\"]";
            return self.refuse(code::NO_CHOICE, right.span, "this list is empty", help);
        }
        let (value, list) = (self.plain(left), self.plain(right));
        let (value, list) = (value?, list?);
        if value.is_constant() && list.is_constant() {
            let help = "write field in [\"a\", \"b\"], or \"a\" in field";
            return self.refuse(code::NO_CHOICE, span, SAME_FOR_ALL, help);
        }
        if value.of == Type::Object {
            let message = "an event as a whole cannot be compared";
            let help = "name one of its fields: variable.field";
            return self.refuse(code::ARGUMENTS, value.span(), message, help);
        }
        if value.of == Type::List {
            let message = "a list is in no list";
            let help = "write list.intersects(list), or list.subsetOf(list)";
            return self.refuse(code::ARGUMENTS, value.span(), message, help);
        }
        self.expect(&list, Type::List, if negated { "`notIn`" } else { "`in`" })?;
        let (value, list) = (Box::new(value.expr), Box::new(list.expr));
        Some(ExprKind::OneOf { value, list, negated })
    }

    pub(super) fn like(&mut self, text: &Node, pattern: &Node) -> Option<ExprKind> {
        let (value, text) = (self.plain(text), self.plain(pattern));
        let (value, text) = (value?, text?);
        self.expect(&value, Type::Text, "`like`")?;
        self.expect(&text, Type::Text, "`like`")?;
        let (value, text) = (Box::new(value.expr), Box::new(text.expr));
        let relation = TextRelation::Like;
        Some(ExprKind::Resembles { value, relation, text, case_sensitive: true, negated: false })
    }
}
