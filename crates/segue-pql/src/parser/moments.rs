//! Reads what follows `occurs`, and what stands in `WHEN(…)` and `WITHIN(…)`.
//!
//! ```text
//! < 24 hours before now     after date(2020, 3, 14)     this week     between today and tomorrow
//! ```

use crate::diagnostic::{Diagnostic, Span, code};
use crate::expression::Comparison;
use crate::lexer::TokenKind;
use crate::limits::WINDOW_YEARS_MAX;
use crate::occurrence::{CalendarUnit, Direction, Occurrence, Period, UNITS, UnitWord};
use crate::syntax::{Node, NodeKind, highest};
use crate::vocabulary::{DAYS, not_supported_yet, suggestion};

use super::comparison_of;
use super::cursor::Parser;

/// A form, and whether it is denied: `!=`.
type Occurring = (Occurrence<Node>, bool);

const DIRECTIONS: [(&str, Direction); 3] =
    [("before", Direction::Before), ("after", Direction::After), ("from", Direction::After)];

/// Units of the calendar, relative to that of now.
const OFFSETS: [(&str, i64); 3] = [("this", 0), ("last", -1), ("next", 1)];

const OCCURS_FORMS: &str =
    "write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)";

impl Parser<'_, '_> {
    /// What follows `moment occurs`.
    pub(super) fn occurs(&mut self, moment: Node) -> Node {
        let Some((occurrence, negated)) = self.occurrence("a moment", OCCURS_FORMS) else {
            self.skip_operand();
            return Node::unreadable(moment.span);
        };
        let span = moment.span.to(self.previous_span());
        let height = moment.height.max(highest(occurrence.anchors()));
        let moment = Box::new(moment);
        let occurrence = Box::new(occurrence);
        Node::above(height, NodeKind::Occurs { moment, occurrence, negated }, span)
    }

    /// One of the forms; `forms` is the help when there is none.
    pub(super) fn occurrence(&mut self, wanted: &str, forms: &str) -> Option<Occurring> {
        if let Some(comparison) = comparison_of(self.kind()) {
            self.advance();
            return self.distance(comparison);
        }
        if let Some(direction) = self.direction() {
            let anchor = self.anchor(wanted, forms)?;
            return Some((Occurrence::Side { direction, anchor }, false));
        }
        if self.eat_word("between") {
            let from = self.anchor(wanted, forms)?;
            self.expect(TokenKind::And, "and")?;
            let to = self.anchor(wanted, forms)?;
            return Some((Occurrence::Between { from, to }, false));
        }
        self.eat_word("on");
        if let Some((_, offset)) = DAYS.iter().find(|(word, _)| self.at_word(word)) {
            self.advance();
            let unit = CalendarUnit::Day;
            return Some((Occurrence::Calendar { unit, offset: *offset }, false));
        }
        if let Some(offset) = self.calendar_offset() {
            self.advance();
            let unit = self.calendar_unit()?;
            return Some((Occurrence::Calendar { unit, offset }, false));
        }
        Some((Occurrence::On(self.anchor(wanted, forms)?), false))
    }

    /// `24 hours before now`, after the comparison.
    fn distance(&mut self, comparison: Comparison) -> Option<Occurring> {
        let (period, _) = self.period()?;
        let Some(direction) = self.direction() else {
            self.unexpected("`before`, `after` or `from`");
            return None;
        };
        let anchor = self.anchor("`now` or another moment", OCCURS_FORMS)?;
        let (comparison, negated) = match comparison {
            Comparison::NotEqual => (Comparison::Equal, true),
            other => (other, false),
        };
        Some((Occurrence::Distance { comparison, period, direction, anchor }, negated))
    }

    fn direction(&mut self) -> Option<Direction> {
        let (_, direction) = DIRECTIONS.iter().find(|(word, _)| self.at_word(word))?;
        self.advance();
        Some(*direction)
    }

    /// `this`, `last` or `next`, with a word after it; else a field has that name.
    fn calendar_offset(&self) -> Option<i64> {
        let (_, offset) = OFFSETS.iter().find(|(word, _)| self.at_word(word))?;
        (self.kind_after() == TokenKind::Word).then_some(*offset)
    }

    fn calendar_unit(&mut self) -> Option<CalendarUnit> {
        let span = self.span();
        let unit = self.unit()?;
        if unit.calendar.is_none() {
            let message = format!("a {} is no stretch of the calendar", unit.singular);
            let diagnostic = Diagnostic::new(code::WINDOW, span, message);
            self.report(diagnostic.help("write this second, or a longer unit"));
        }
        unit.calendar
    }

    /// A moment that something is measured from.
    fn anchor(&mut self, wanted: &str, forms: &str) -> Option<Node> {
        if self.calendar_offset().is_some() {
            let what = format!("measuring from `{}` of a unit", self.text());
            let diagnostic = not_supported_yet(self.span(), &what);
            self.report(diagnostic.help("measure from today or from date(2020, 3, 14)"));
            return None;
        }
        let begins_moment = matches!(
            self.kind(),
            TokenKind::Word
                | TokenKind::QuotedName
                | TokenKind::Text
                | TokenKind::OpenGroup
                | TokenKind::Up
                | TokenKind::Parameter
        );
        if !begins_moment {
            let diagnostic = self.mismatch(wanted);
            self.report(diagnostic.help(forms));
            return None;
        }
        Some(self.nested(Self::operand))
    }

    /// `24 hours`
    pub(super) fn period(&mut self) -> Option<(Period, Span)> {
        let (amount, start) = self.whole_number("a whole number")?;
        let unit = self.unit()?.period;
        let span = start.to(self.previous_span());
        let period = Period { amount, unit };
        if period.is_too_long() {
            let message = format!("this window is longer than {WINDOW_YEARS_MAX} years");
            let diagnostic = Diagnostic::new(code::LIMIT, span, message);
            self.report(diagnostic.help("leave it out to look at all events"));
            return None;
        }
        Some((period, span))
    }

    fn unit(&mut self) -> Option<&'static UnitWord> {
        let word = self.text();
        let is = |name: &str| word.eq_ignore_ascii_case(name);
        let found = UNITS.iter().find(|unit| is(unit.singular) || is(unit.plural));
        if found.is_none() {
            let names: Vec<&str> = UNITS.iter().map(|unit| unit.plural).collect();
            let message = format!("`{word}` is no unit of time");
            let diagnostic = Diagnostic::new(code::WINDOW, self.span(), message);
            self.report(diagnostic.help(suggestion(word, &names)));
            return None;
        }
        self.advance();
        found
    }
}
