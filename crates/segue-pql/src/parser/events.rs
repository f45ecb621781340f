//! Reads what asks about events, in both syntaxes.
//!
//! ```text
//! CHAIN(xEvent, timestamp, [C0: WHAT(…) WHEN(< 24 hours before now) COUNT(3), C1: …])
//! select e from xEvent where e.…                    exists e from xEvent where e.…
//! ```

use crate::diagnostic::{Diagnostic, Span, code};
use crate::expression::{Comparison, Count};
use crate::lexer::TokenKind;
use crate::limits::{CHAIN_STEPS_MAX, COUNT_MAX, WINDOW_YEARS_MAX};
use crate::syntax::{Name, Node, NodeKind, Step};
use crate::vocabulary::{not_supported_yet, suggestion};
use crate::window::{Period, UNITS, Window};

use super::cursor::Parser;
use super::{comparison_of, power};

const EVENTS: &str = "xEvent";
const CHAIN_FORM: &str = "write CHAIN(xEvent, timestamp, [C0: WHAT(…)])";
const WINDOW_FORMS: &str =
    "write WHEN(< 24 hours before now), WHEN(<= 24 hours before now) or WHEN(today)";

impl Parser<'_, '_> {
    pub(super) fn chain(&mut self) -> Node {
        let start = self.advance();
        let open = self.advance();
        let steps = self.chain_steps();
        let end = self.close(TokenKind::CloseGroup, open);
        let kind = steps.map_or(NodeKind::Unreadable, NodeKind::Chain);
        Node { kind, span: start.to(end) }
    }

    fn chain_steps(&mut self) -> Option<Vec<Step>> {
        self.chain_argument(EVENTS)?;
        self.chain_argument("timestamp")?;
        let open = self.expect(TokenKind::OpenList, "[")?;
        let mut steps: Vec<Step> = Vec::new();
        let mut sound = true;
        loop {
            if steps.len() == CHAIN_STEPS_MAX {
                let message = format!("this chain has more than {CHAIN_STEPS_MAX} steps");
                self.give_up(
                    open,
                    message,
                    "ask for fewer events, or leave out steps that others imply",
                );
                return None;
            }
            match self.step() {
                Some(step) => {
                    sound &= self.check_label(&step, &steps);
                    steps.push(step);
                }
                None => {
                    sound = false;
                    self.skip_until(|kind| kind == TokenKind::Comma);
                }
            }
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.close(TokenKind::CloseList, open);
        sound.then_some(steps)
    }

    /// One of the fixed arguments before the steps, and the comma after it.
    fn chain_argument(&mut self, word: &str) -> Option<()> {
        if !self.at_word(word) {
            let diagnostic = self.mismatch(&format!("`{word}`"));
            self.report(diagnostic.help(CHAIN_FORM));
            return None;
        }
        self.advance();
        self.expect(TokenKind::Comma, ",").map(|_| ())
    }

    fn check_label(&mut self, step: &Step, before: &[Step]) -> bool {
        let repeated = before.iter().any(|other| other.label.text == step.label.text);
        if repeated {
            let message = format!("the label `{}` is used twice in this chain", step.label.text);
            let diagnostic = Diagnostic::new(code::OUT_OF_PLACE, step.label.span, message);
            self.report(diagnostic.help("give each step its own: C0, C1, C2"));
        }
        !repeated
    }

    /// `label: WHAT(…) WHEN(…) COUNT(…)`; the latter two in any order.
    fn step(&mut self) -> Option<Step> {
        let label = self.step_label()?;
        let (mut condition, mut window, mut count) = (None, None, None);
        while self.kind() == TokenKind::Word {
            let word = self.text();
            let span = self.span();
            let repeated = match word.to_ascii_lowercase().as_str() {
                "what" => condition.replace(self.part(Self::condition)?).is_some(),
                "when" => window.replace(self.part(Self::window)?).is_some(),
                "count" => count.replace(self.part(Self::count)?).is_some(),
                _ => {
                    let diagnostic = self.mismatch("`WHAT`, `WHEN` or `COUNT`");
                    self.report(diagnostic.help(suggestion(word, &["WHAT", "WHEN", "COUNT"])));
                    return None;
                }
            };
            if repeated {
                let message = format!("`{word}` is used twice in this step");
                self.report(Diagnostic::new(code::OUT_OF_PLACE, span, message));
            }
        }
        let Some(condition) = condition else {
            let diagnostic = self.mismatch("`WHAT(…)`");
            self.report(diagnostic.help("say which events the step wants: C0: WHAT(…)"));
            return None;
        };
        Some(Step {
            label,
            condition,
            window: window.unwrap_or(Window::Always),
            count: count.unwrap_or(Count::ONE_OR_MORE),
        })
    }

    fn step_label(&mut self) -> Option<Name> {
        if self.kind_after() != TokenKind::Colon {
            let diagnostic = self.mismatch("a step's label");
            self.report(diagnostic.help("begin each step with a label and a colon: C0: WHAT(…)"));
            return None;
        }
        let label = self.name("a step's label");
        self.advance();
        label
    }

    fn condition(&mut self) -> Option<Node> {
        Some(self.nested(|parser| parser.expression(power::NONE)))
    }

    /// What stands in parentheses after `WHAT`, `WHEN` or `COUNT`.
    fn part<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.advance();
        let open = self.expect(TokenKind::OpenGroup, "(")?;
        let value = read(self);
        if value.is_none() {
            self.skip_until(|_| false);
        }
        self.close(TokenKind::CloseGroup, open);
        value
    }

    /// `< 24 hours before now`, `<= 24 hours before now`, `today`
    fn window(&mut self) -> Option<Window> {
        if self.at_word("today") {
            self.advance();
            return Some(Window::Today);
        }
        let inclusive = match self.kind() {
            TokenKind::Less => false,
            TokenKind::LessOrEqual => true,
            TokenKind::Word
            | TokenKind::Equal
            | TokenKind::NotEqual
            | TokenKind::Greater
            | TokenKind::GreaterOrEqual => {
                let what = format!("a window that begins with `{}`", self.text());
                self.report(not_supported_yet(self.span(), &what).help(WINDOW_FORMS));
                return None;
            }
            _ => {
                let diagnostic = self.mismatch("a window");
                self.report(diagnostic.help(WINDOW_FORMS));
                return None;
            }
        };
        self.advance();
        let (amount, start) = self.whole_number("a whole number")?;
        let unit = self.unit()?;
        let span = start.to(self.previous_span());
        self.window_end("before")?;
        self.window_end("now")?;
        Some(Window::Recent { period: self.period(unit, amount, span)?, inclusive })
    }

    fn unit(&mut self) -> Option<Period> {
        let word = self.text();
        let is = |name: &str| word.eq_ignore_ascii_case(name);
        let found = UNITS.iter().find(|(one, many, _)| is(one) || is(many));
        let Some((_, _, unit)) = found else {
            let names: Vec<&str> = UNITS.iter().map(|(_, many, _)| *many).collect();
            let message = format!("`{word}` is no unit of time");
            let diagnostic = Diagnostic::new(code::WINDOW, self.span(), message);
            self.report(diagnostic.help(suggestion(word, &names)));
            return None;
        };
        self.advance();
        Some(*unit)
    }

    fn window_end(&mut self, word: &str) -> Option<()> {
        if self.at_word(word) {
            self.advance();
            return Some(());
        }
        if self.kind() == TokenKind::Word {
            let what = format!("`{}` in a window", self.text());
            self.report(not_supported_yet(self.span(), &what).help(WINDOW_FORMS));
        } else {
            self.unexpected(&format!("`{word}`"));
        }
        None
    }

    fn period(&mut self, unit: Period, amount: i64, span: Span) -> Option<Period> {
        if amount == 0 {
            let message = "a window of no length holds no event";
            let diagnostic = Diagnostic::new(code::WINDOW, span, message);
            self.report(diagnostic.help("write at least 1; milliseconds are the smallest unit"));
            return None;
        }
        let period = unit.times(amount);
        if period.is_none() {
            let message = format!("this window is longer than {WINDOW_YEARS_MAX} years");
            let diagnostic = Diagnostic::new(code::LIMIT, span, message);
            self.report(diagnostic.help("leave `WHEN` out to look at all events"));
        }
        period
    }

    /// `3` and `>= 3`: at least three; `= 3`, `<= 3` and so on.
    fn count(&mut self) -> Option<Count> {
        let start = self.span();
        let comparison = comparison_of(self.kind());
        if comparison.is_some() {
            self.advance();
        }
        let (number, end) = self.whole_number("a whole number")?;
        let span = start.to(end);
        let Some(number) = u32::try_from(number).ok().filter(|number| *number <= COUNT_MAX) else {
            let message = format!("the count {number} is too high");
            let help = format!("at most {COUNT_MAX} is possible");
            self.report(Diagnostic::new(code::LIMIT, span, message).help(help));
            return None;
        };
        let up_to = |max: u32| Count { min: 0, max: Some(max) };
        let count = match comparison.unwrap_or(Comparison::GreaterOrEqual) {
            Comparison::Equal => Some(Count { min: number, max: Some(number) }),
            Comparison::GreaterOrEqual => Some(Count::at_least(number)),
            Comparison::Greater => Some(Count::at_least(number + 1)),
            Comparison::LessOrEqual => Some(up_to(number)),
            Comparison::Less => number.checked_sub(1).map(up_to),
            Comparison::NotEqual => {
                self.report(not_supported_yet(span, "`!=` in a count"));
                return None;
            }
        };
        let chosen = count.filter(|count| *count != Count::at_least(0));
        if chosen.is_none() {
            let always = if count.is_some() { "always" } else { "never" };
            let message = format!("this count is {always} true");
            let diagnostic = Diagnostic::new(code::NO_CHOICE, span, message);
            self.report(diagnostic.help("write COUNT(1) for some event, COUNT(= 0) for none"));
        }
        chosen
    }

    /// `select e from xEvent where …`; the condition takes all that follows in the same group.
    pub(super) fn select(&mut self) -> Node {
        let start = self.advance();
        match self.select_rest() {
            Some(kind) => Node { kind, span: start.to(self.previous_span()) },
            None => {
                self.skip_operand();
                Node { kind: NodeKind::Unreadable, span: start }
            }
        }
    }

    fn select_rest(&mut self) -> Option<NodeKind> {
        let variable = self.name("a variable")?;
        self.expect_word("from")?;
        if self.kind() == TokenKind::Word && !self.at_word(EVENTS) {
            let what = format!("going through `{}`", self.text());
            let diagnostic = not_supported_yet(self.span(), &what);
            self.report(
                diagnostic.help("only xEvent; for an array, write array.exists(condition)"),
            );
            return None;
        }
        self.expect_word(EVENTS)?;
        if self.kind() == TokenKind::Comma {
            let diagnostic = not_supported_yet(self.span(), "more than one variable");
            self.report(diagnostic.help("for an array of the event, write e.array.exists(…)"));
            return None;
        }
        if !self.eat(TokenKind::Colon) {
            self.expect_word("where")?;
        }
        let condition = Box::new(self.nested(|parser| parser.expression(power::NONE)));
        Some(NodeKind::Select { variable, condition })
    }
}
