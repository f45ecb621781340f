//! Conditions: tests, quantifiers, moments, chains.

use segue_xdm::Timestamp;

use crate::expression::{
    ChainStep, Count, Expr, ExprKind, Lambda, Literal, Quantifier, TextRelation,
};
use crate::occurrence::{CalendarUnit, Direction, Moment, Occurrence, Period, UNITS};
use crate::vocabulary::{DAYS, IN_SEGMENT, text_method_name};

use super::{Printer, power};

impl Printer {
    pub(super) fn write_condition(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::All(parts) => self.write_all(parts, " and ", power::NOT),
            ExprKind::Any(parts) => self.write_all(parts, " or ", power::AND),
            ExprKind::Not(part) => {
                self.push("not ");
                self.write(part, power::NOT);
            }
            ExprKind::Compare { comparison, left, right } => {
                self.write_infix(left, comparison.symbol(), right);
            }
            ExprKind::OneOf { value, list, negated } => {
                self.write_infix(value, if *negated { "notIn" } else { "in" }, list);
            }
            ExprKind::Resembles { value, relation, text, case_sensitive, negated } => {
                self.write_resembles(value, *relation, text, *case_sensitive, *negated);
            }
            ExprKind::IsPresent { value, negated } => {
                self.write_method(value, if *negated { "isNull" } else { "isNotNull" }, []);
            }
            ExprKind::Occurs { moment, occurrence, negated } => {
                self.write_occurs(moment, occurrence, *negated);
            }
            ExprKind::Quantified { quantifier, list, each } => {
                self.write_quantified(*quantifier, list, each);
            }
            ExprKind::Chain(steps) => self.write_chain(steps),
            ExprKind::Member(audience) => {
                self.push(&format!("{IN_SEGMENT}("));
                self.write_text(audience);
                self.push(")");
            }
            // The others are values.
            _ => {}
        }
    }

    fn write_infix(&mut self, left: &Expr, operator: &str, right: &Expr) {
        self.write(left, power::SUM);
        self.push(&format!(" {operator} "));
        self.write(right, power::SUM);
    }

    fn write_resembles(
        &mut self,
        value: &Expr,
        relation: TextRelation,
        text: &Expr,
        case_sensitive: bool,
        negated: bool,
    ) {
        if relation == TextRelation::Like && case_sensitive {
            return self.write_infix(value, "like", text);
        }
        let name = text_method_name(relation, negated);
        self.write(value, power::OPERAND);
        self.push(&format!(".{name}("));
        self.write(text, power::NONE);
        self.push(if case_sensitive { ")" } else { ", false)" });
    }

    fn write_quantified(&mut self, quantifier: Quantifier, list: &Expr, each: &Lambda) {
        let word = match quantifier {
            Quantifier::Exists => "exists",
            Quantifier::ForAll => "forall",
        };
        if !matches!(each.body.kind, ExprKind::Literal(Literal::Boolean(true))) {
            return self.write_over(list, word, each, None);
        }
        // Without a condition there is nothing to be said of the item.
        let name = self.names.bind(each.variable);
        self.names.unbind();
        self.push(&format!("{word} {name} from "));
        self.write(list, power::OPERAND);
    }

    fn write_occurs(&mut self, moment: &Expr, occurrence: &Occurrence<Expr>, negated: bool) {
        self.write(moment, power::SUM);
        if let Some(anchor) = up_to(occurrence) {
            self.push(" <= ");
            return self.write(anchor, power::OPERAND);
        }
        if let (Occurrence::On(anchor), true) = (occurrence, negated) {
            self.push(" != ");
            return self.write(anchor, power::OPERAND);
        }
        self.push(" occurs ");
        self.write_occurrence(occurrence, negated, &mut |printer, anchor| {
            printer.write(anchor, power::OPERAND);
        });
    }

    pub(super) fn write_occurrence<M>(
        &mut self,
        occurrence: &Occurrence<M>,
        negated: bool,
        anchor_of: &mut dyn FnMut(&mut Self, &M),
    ) {
        match occurrence {
            Occurrence::Distance { comparison, period, direction, anchor } => {
                let symbol = if negated { "!=" } else { comparison.symbol() };
                self.push(&format!("{symbol} {} {} ", period_text(*period), word(*direction)));
                anchor_of(self, anchor);
            }
            Occurrence::Side { direction, anchor } => {
                self.push(&format!("{} ", word(*direction)));
                anchor_of(self, anchor);
            }
            Occurrence::Calendar { unit, offset } => self.push(&calendar_text(*unit, *offset)),
            Occurrence::On(anchor) => {
                self.push("on ");
                anchor_of(self, anchor);
            }
            Occurrence::Between { from, to } => {
                self.push("between ");
                anchor_of(self, from);
                self.push(" and ");
                anchor_of(self, to);
            }
        }
    }

    fn write_chain(&mut self, steps: &[ChainStep]) {
        self.names.label(steps);
        self.push("CHAIN(xEvent, timestamp, [");
        for (place, step) in steps.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            self.push(&format!("{comma}C{place}: WHAT("));
            self.at_hand.push(step.event);
            self.write(&step.condition, power::NONE);
            self.at_hand.pop();
            self.push(")");
            if let Some(window) = &step.window {
                self.push(" WHEN(");
                self.write_occurrence(window, false, &mut |printer, moment| {
                    printer.write_moment(*moment);
                });
                self.push(")");
            }
            if let Some(within) = step.within {
                self.push(&format!(" WITHIN({})", period_text(within)));
            }
            if step.count != Count::ONE_OR_MORE {
                self.push(&format!(" COUNT({})", count_text(step.count)));
            }
        }
        self.push("])");
        self.names.unlabel(steps);
    }
}

/// The end of what begins with time itself, which is how `<= now` is said.
fn up_to(occurrence: &Occurrence<Expr>) -> Option<&Expr> {
    let Occurrence::Between { from, to } = occurrence else {
        return None;
    };
    let is_ever =
        matches!(from.kind, ExprKind::Moment(Moment::At(moment)) if moment == Timestamp::MIN);
    (is_ever && matches!(to.kind, ExprKind::Moment(Moment::Now))).then_some(to)
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Before => "before",
        Direction::After => "after",
    }
}

pub(crate) fn period_text(period: Period) -> String {
    let unit = UNITS.iter().find(|unit| unit.period == period.unit);
    let word = unit.map_or("", |unit| if period.amount == 1 { unit.singular } else { unit.plural });
    format!("{} {word}", period.amount)
}

fn calendar_text(unit: CalendarUnit, offset: i64) -> String {
    let day = DAYS.iter().find(|(_, known)| *known == offset);
    if let (CalendarUnit::Day, Some((day, _))) = (unit, day) {
        return (*day).to_owned();
    }
    let which = match offset {
        0 => "this",
        ..0 => "last",
        1.. => "next",
    };
    let word = UNITS.iter().find(|word| word.calendar == Some(unit));
    format!("{which} {}", word.map_or("", |word| word.singular))
}

fn count_text(count: Count) -> String {
    match (count.min, count.max) {
        (min, None) => min.to_string(),
        (min, Some(max)) if min == max => format!("= {min}"),
        (0, Some(max)) => format!("<= {max}"),
        (min, Some(max)) => format!("between {min} and {max}"),
    }
}
