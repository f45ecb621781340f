//! When a moment lies: `occurs`, comparisons with a moment, and the windows of chains.

use jiff::civil::Date;
use segue_xdm::Timestamp;

use crate::diagnostic::{Span, code};
use crate::expression::{Comparison, Expr, ExprKind, Literal};
use crate::occurrence::{Direction, Moment, Occurrence, Period, PeriodUnit};
use crate::syntax::{Node, NodeKind};
use crate::vocabulary::{DATE, Type};

use super::{Checker, Typed};

impl Checker<'_> {
    pub(super) fn occurs(
        &mut self,
        moment: &Node,
        occurrence: &Occurrence<Node>,
        negated: bool,
    ) -> Option<ExprKind> {
        let moment = self.value(moment).and_then(|value| self.moment(value));
        let occurrence = occurrence.try_map(|node| self.anchor(node));
        Some(ExprKind::Occurs {
            moment: Box::new(moment?),
            occurrence: Box::new(occurrence?),
            negated,
        })
    }

    /// What `WHEN(…)` asks of a timestamp; it is measured from nothing that a profile holds.
    pub(super) fn window(&mut self, window: &Occurrence<Node>) -> Option<Occurrence<Moment>> {
        window.try_map(|node| {
            let anchor = self.anchor(node)?;
            let ExprKind::Moment(moment) = anchor.kind else {
                let message = "a window is measured from now, from a day or from a date";
                let help = "write the condition into WHAT(…): timestamp occurs after field";
                return self.refuse(code::WINDOW, anchor.span, message, help);
            };
            Some(moment)
        })
    }

    /// A moment that another is measured from.
    fn anchor(&mut self, node: &Node) -> Option<Expr> {
        let value = self.value(node)?;
        let Some(Literal::Text(text)) = value.literal() else {
            return self.moment_or_now(value);
        };
        match Timestamp::parse(text) {
            Ok(moment) => {
                let kind = ExprKind::Moment(Moment::At(moment));
                Some(Expr { kind, span: node.span })
            }
            Err(_) => {
                let message = "this text is no moment";
                let help = "write it as \"2026-01-01T10:00:00Z\", or date(2026, 1, 1)";
                self.refuse(code::WINDOW, node.span, message, help)
            }
        }
    }

    /// A value that can be a moment; not `now`, which nothing can be asked about.
    fn moment(&mut self, value: Typed) -> Option<Expr> {
        if value.is_constant() || is_now(&value) {
            let message = "a field should be here";
            let help = "write the field that holds the moment: timestamp occurs …";
            return self.refuse(code::ARGUMENTS, value.span(), message, help);
        }
        self.moment_or_now(value)
    }

    fn moment_or_now(&mut self, value: Typed) -> Option<Expr> {
        if matches!(value.of, Type::Unknown | Type::Moment) {
            return Some(value.expr);
        }
        let message = format!("{} is no moment", value.of.name());
        let help = "write a field that holds a timestamp, now, today or date(2020, 3, 14)";
        self.refuse(code::ARGUMENTS, value.span(), &message, help)
    }

    /// `field < now`, and the other comparisons with a moment.
    pub(super) fn beside_moment(
        &mut self,
        span: Span,
        value: Typed,
        comparison: Comparison,
        anchor: Typed,
    ) -> Option<ExprKind> {
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if is_equality && (is_now(&anchor) || is_now(&value)) {
            let message = "nothing can be equal to `now` or to a day";
            let help = "write field occurs today, or field < now";
            return self.refuse(code::OUT_OF_PLACE, span, message, help);
        }
        let (value, anchor, comparison) = if is_now(&value) {
            (anchor, value, comparison.mirrored())
        } else {
            (value, anchor, comparison)
        };
        let moment = Box::new(self.moment(value)?);
        let anchor = anchor.expr;
        // Before or at: nothing or more before, a distance that holds the moment itself. Not so of
        // now, before which an event of the future has the age 0.
        let period = Period { amount: 0, unit: PeriodUnit::Millis(1) };
        let at_least = |direction, anchor| {
            let comparison = Comparison::GreaterOrEqual;
            Occurrence::Distance { comparison, period, direction, anchor }
        };
        let occurrence = match comparison {
            Comparison::Less => Occurrence::Side { direction: Direction::Before, anchor },
            Comparison::Greater => Occurrence::Side { direction: Direction::After, anchor },
            Comparison::LessOrEqual if matches!(anchor.kind, ExprKind::Moment(Moment::Now)) => {
                let ever = ExprKind::Moment(Moment::At(Timestamp::MIN));
                let from = Expr { kind: ever, span: anchor.span };
                Occurrence::Between { from, to: anchor }
            }
            Comparison::LessOrEqual => at_least(Direction::Before, anchor),
            Comparison::GreaterOrEqual => at_least(Direction::After, anchor),
            Comparison::Equal | Comparison::NotEqual => Occurrence::On(anchor),
        };
        let negated = comparison == Comparison::NotEqual;
        Some(ExprKind::Occurs { moment, occurrence: Box::new(occurrence), negated })
    }

    /// `date(2020, 3, 14)`
    pub(super) fn date(&mut self, span: Span, arguments: &[Node]) -> Option<Typed> {
        let number = |node: &Node| match node.kind {
            NodeKind::Literal(Literal::Integer(number)) => Some(number),
            _ => None,
        };
        let numbers: Option<Vec<i64>> = arguments.iter().map(number).collect();
        let Some(&[year, month, day]) = numbers.as_deref() else {
            let message = format!("{DATE} takes a year, a month and a day");
            let help = "write three whole numbers: date(2020, 3, 14)";
            return self.refuse(code::ARGUMENTS, span, &message, help);
        };
        let date =
            i16::try_from(year).ok().zip(i8::try_from(month).ok()).zip(i8::try_from(day).ok());
        let date = date.and_then(|((year, month), day)| Date::new(year, month, day).ok());
        match date.filter(|date| date.year() > 0) {
            Some(date) => {
                Some(Typed::new(ExprKind::Moment(Moment::Date(date)), span, Type::Moment))
            }
            None => {
                let help = "write the year, the month from 1 to 12, and a day of that month";
                self.refuse(code::NUMBER, span, "there is no such day", help)
            }
        }
    }
}

fn is_now(value: &Typed) -> bool {
    matches!(value.expr.kind, ExprKind::Moment(Moment::Now | Moment::Day(_)))
}
