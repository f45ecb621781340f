//! Reads chains of events.
//!
//! ```text
//! CHAIN(xEvent, timestamp, [C0: WHAT(…) WHEN(…) WITHIN(…) COUNT(…), C1: …])
//! ```

use crate::diagnostic::{Diagnostic, Span, code};
use crate::expression::{Comparison, Count};
use crate::lexer::TokenKind;
use crate::limits::{CHAIN_STEPS_MAX, COUNT_MAX};
use crate::occurrence::Occurrence;
use crate::syntax::{ChainStep, Name, Node, NodeKind, highest};
use crate::vocabulary::{EVENTS, not_supported_yet, suggestion};

use super::cursor::Parser;
use super::{comparison_of, power};

const CHAIN_FORM: &str = "write CHAIN(xEvent, timestamp, [C0: WHAT(…)])";
const WINDOW_FORMS: &str = "write WHEN(< 24 hours before now), WHEN(today) or WHEN(this week)";
const PARTS: [&str; 4] = ["WHAT", "WHEN", "WITHIN", "COUNT"];

impl Parser<'_, '_> {
    pub(super) fn chain(&mut self) -> Node {
        let start = self.advance();
        let open = self.advance();
        let steps = self.chain_steps();
        let end = self.close(TokenKind::CloseGroup, open);
        let Some(steps) = steps else {
            return Node::unreadable(start.to(end));
        };
        let conditions = steps.iter().map(|step| &step.condition);
        let height = highest(conditions);
        Node::above(height, NodeKind::Chain(steps), start.to(end))
    }

    fn chain_steps(&mut self) -> Option<Vec<ChainStep>> {
        self.chain_argument(EVENTS)?;
        self.chain_argument("timestamp")?;
        let open = self.expect(TokenKind::OpenList, "[")?;
        let mut steps: Vec<ChainStep> = Vec::new();
        let mut sound = true;
        loop {
            if steps.len() == CHAIN_STEPS_MAX {
                let message = format!("this chain has more than {CHAIN_STEPS_MAX} steps");
                let help = "ask for fewer events, or leave out steps that others imply";
                self.give_up(open, message, help);
                return None;
            }
            match self.chain_step() {
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

    fn check_label(&mut self, step: &ChainStep, before: &[ChainStep]) -> bool {
        let repeated = before.iter().any(|other| other.label.text == step.label.text);
        if repeated {
            let message = format!("the label `{}` is used twice in this chain", step.label.text);
            let diagnostic = Diagnostic::new(code::OUT_OF_PLACE, step.label.span, message);
            self.report(diagnostic.help("give each step its own: C0, C1, C2"));
        }
        !repeated
    }

    /// `label: WHAT(…) WHEN(…) WITHIN(…) COUNT(…)`; the parts in any order.
    fn chain_step(&mut self) -> Option<ChainStep> {
        let label = self.step_label()?;
        let (mut condition, mut window, mut within, mut count) = (None, None, None, None);
        while self.kind() == TokenKind::Word {
            let word = self.text();
            let span = self.span();
            let repeated = match word.to_ascii_lowercase().as_str() {
                "what" => condition.replace(self.part(Self::condition)?).is_some(),
                "when" => window.replace(self.part(Self::window)?).is_some(),
                "within" => within.replace(self.part(Self::period)?).is_some(),
                "count" => count.replace(self.part(Self::count)?).is_some(),
                _ => {
                    let diagnostic = self.mismatch("`WHAT`, `WHEN`, `WITHIN` or `COUNT`");
                    self.report(diagnostic.help(suggestion(word, &PARTS)));
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
        let count = count.unwrap_or(Count::ONE_OR_MORE);
        Some(ChainStep { label, condition, window, within, count })
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

    /// What stands in parentheses after `WHAT` and its like.
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

    fn condition(&mut self) -> Option<Node> {
        Some(self.nested(|parser| parser.expression(power::NONE)))
    }

    fn window(&mut self) -> Option<Occurrence<Node>> {
        let start = self.span();
        let (occurrence, negated) = self.occurrence("a window", WINDOW_FORMS)?;
        if negated {
            let diagnostic = not_supported_yet(start, "`!=` in a window");
            self.report(diagnostic.help("write <, <=, =, > or >="));
            return None;
        }
        if let Occurrence::Distance { comparison: Comparison::Less, period, .. } = &occurrence
            && period.amount == 0
        {
            let message = "a window of no length holds no event";
            let span = start.to(self.previous_span());
            let diagnostic = Diagnostic::new(code::WINDOW, span, message);
            self.report(diagnostic.help("write at least 1; milliseconds are the smallest unit"));
            return None;
        }
        Some(occurrence)
    }

    /// `3` and `>= 3`: at least three; `= 3`, `<= 3`, `between 3 and 5` and so on.
    fn count(&mut self) -> Option<Count> {
        let start = self.span();
        let count = if self.eat_word("between") {
            let (min, _) = self.count_number()?;
            self.expect(TokenKind::And, "and")?;
            let (max, _) = self.count_number()?;
            Some(Count { min, max: Some(max) }).filter(|_| min <= max)
        } else {
            let comparison = comparison_of(self.kind());
            if comparison.is_some() {
                self.advance();
            }
            let (number, end) = self.count_number()?;
            let up_to = |max: u32| Count { min: 0, max: Some(max) };
            match comparison.unwrap_or(Comparison::GreaterOrEqual) {
                Comparison::Equal => Some(Count { min: number, max: Some(number) }),
                Comparison::GreaterOrEqual => Some(Count::at_least(number)),
                Comparison::Greater => Some(Count::at_least(number + 1)),
                Comparison::LessOrEqual => Some(up_to(number)),
                Comparison::Less => number.checked_sub(1).map(up_to),
                Comparison::NotEqual => {
                    let diagnostic = not_supported_yet(start.to(end), "`!=` in a count");
                    self.report(diagnostic.help("join two chains with `or`: fewer, more"));
                    return None;
                }
            }
        };
        let span = start.to(self.previous_span());
        let chosen = count.filter(|count| *count != Count::at_least(0));
        if chosen.is_none() {
            let always = if count.is_some() { "always" } else { "never" };
            let message = format!("this count is {always} true");
            let diagnostic = Diagnostic::new(code::NO_CHOICE, span, message);
            self.report(diagnostic.help("write COUNT(1) for some event, COUNT(= 0) for none"));
        }
        chosen
    }

    fn count_number(&mut self) -> Option<(u32, Span)> {
        let (number, span) = self.whole_number("a whole number")?;
        let fitting = u32::try_from(number).ok().filter(|number| *number <= COUNT_MAX);
        if fitting.is_none() {
            let message = format!("the count {number} is too high");
            let help = format!("at most {COUNT_MAX} is possible");
            self.report(Diagnostic::new(code::LIMIT, span, message).help(help));
        }
        Some((fitting?, span))
    }
}
