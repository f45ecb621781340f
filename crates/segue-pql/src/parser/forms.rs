//! Reads what has words of its own: quantifiers, aggregates over a variable, `let`.
//!
//! ```text
//! exists e from xEvent where (e.price > 5), i from e.productListItems where i.SKU = "PS"
//! sum e.price over e from xEvent where e.currency = "USD"
//! let total = (…) in (total > 100 and total < 1000)
//! ```

use crate::diagnostic::Span;
use crate::expression::{Aggregate, Quantifier};
use crate::lexer::TokenKind;
use crate::limits::VARIABLES_MAX;
use crate::syntax::{Binding, Node, NodeKind};
use crate::vocabulary::{AGGREGATES, QUANTIFIERS};

use super::cursor::Parser;
use super::{LIKE, OCCURS, power};

impl Parser<'_, '_> {
    /// A form that begins with the word at hand, if there is one.
    pub(super) fn form(&mut self) -> Option<Node> {
        let after = self.kind_after();
        if after == TokenKind::OpenGroup && self.at_word("chain") {
            return Some(self.chain());
        }
        let is_name = matches!(after, TokenKind::Word | TokenKind::QuotedName)
            && !self.is_word_ahead(1, &[LIKE, OCCURS]);
        if is_name && self.at_word("let") {
            return Some(self.form_of(Self::let_in));
        }
        if is_name && let Some((_, quantifier)) = QUANTIFIERS.iter().find(|(w, _)| self.at_word(w))
        {
            return Some(self.form_of(|parser| parser.quantified(*quantifier)));
        }
        let begins_value = is_name
            || matches!(
                after,
                TokenKind::Number | TokenKind::OpenGroup | TokenKind::Parameter | TokenKind::Up
            );
        let (_, aggregate) = AGGREGATES.iter().find(|(word, _)| self.text() == *word)?;
        begins_value.then(|| self.form_of(|parser| parser.aggregate(*aggregate)))
    }

    /// Takes the form's first word and reads the rest; skips the operand after a mistake.
    fn form_of(&mut self, read: impl FnOnce(&mut Self) -> Option<(NodeKind, usize)>) -> Node {
        let start = self.advance();
        match read(self) {
            Some((kind, height)) => Node::above(height, kind, start.to(self.previous_span())),
            None => {
                self.skip_operand();
                Node::unreadable(start)
            }
        }
    }

    fn quantified(&mut self, quantifier: Quantifier) -> Option<(NodeKind, usize)> {
        let mut bindings = vec![self.binding()?];
        while self.kind() == TokenKind::Comma && self.is_word_ahead(2, &["from"]) {
            let comma: Span = self.advance();
            if bindings.len() == VARIABLES_MAX {
                let message = format!("more than {VARIABLES_MAX} variables");
                self.give_up(comma, message, "divide it into two audiences");
                return None;
            }
            bindings.push(self.binding()?);
        }
        // Each variable's list is gone through for each item of the one before.
        let highest = bindings.iter().map(Binding::height).max().unwrap_or(0);
        let height = highest + 2 * bindings.len();
        Some((NodeKind::Quantified { quantifier, bindings }, height))
    }

    /// `variable from list where condition`; the condition takes all that follows in the group.
    fn binding(&mut self) -> Option<Binding> {
        let variable = self.name("a variable")?;
        self.expect_word("from")?;
        let list = self.nested(Self::operand);
        let has_condition = self.eat(TokenKind::Colon) || self.eat_word("where");
        let condition = has_condition.then(|| self.nested(|parser| parser.expression(power::NONE)));
        Some(Binding { variable, list, condition })
    }

    fn aggregate(&mut self, aggregate: Aggregate) -> Option<(NodeKind, usize)> {
        let value = Box::new(self.nested(|parser| parser.expression(power::COMPARISON)));
        self.expect_word("over")?;
        let over = Box::new(self.binding()?);
        let height = over.height().max(value.height) + 1;
        Some((NodeKind::Aggregate { aggregate, value, over }, height))
    }

    fn let_in(&mut self) -> Option<(NodeKind, usize)> {
        let name = self.name("a variable")?;
        self.expect(TokenKind::Equal, "=")?;
        // Tighter than `in`, which ends the value.
        let value = Box::new(self.nested(|parser| parser.expression(power::COMPARISON)));
        self.expect(TokenKind::In, "in")?;
        let body = Box::new(self.nested(|parser| parser.expression(power::NONE)));
        let height = value.height.max(body.height);
        Some((NodeKind::Let { name, value, body }, height))
    }
}
