//! Reads operands: values, groups, lists, names, and the steps that lead on from them.
//!
//! ```text
//! person.name          xEvent[price > 5].count()          ^^.person          $1.person
//! └base┘└step┘         └base┘└─step────┘└─step──┘
//! ```

use crate::diagnostic::Span;
use crate::lexer::TokenKind;
use crate::limits::LIST_ITEMS_MAX;
use crate::occurrence::Moment;
use crate::syntax::{Name, Node, NodeKind, Step, highest};
use crate::vocabulary::{DAYS, EVENTS, NOW, NULL};

use super::cursor::Parser;
use super::{infix_of, power};

impl Parser<'_, '_> {
    /// An operand, and the steps from it on.
    pub(super) fn operand(&mut self) -> Node {
        let base = self.base();
        let mut steps = Vec::new();
        let mut height = base.height;
        if matches!(base.kind, NodeKind::Outer(_)) && self.at_name() {
            steps.extend(self.name("the name of a field").map(Step::Field));
        }
        loop {
            let step = match self.kind() {
                TokenKind::Dot => self.step_by_name(),
                TokenKind::OpenList => self.step_by_brackets(),
                TokenKind::OpenGroup if matches!(steps.last(), Some(Step::Item { .. })) => {
                    return self.unreadable("a dot and the name of a method");
                }
                _ => break,
            };
            let Some(step) = step else {
                self.skip_operand();
                return Node::unreadable(base.span);
            };
            if !matches!(step, Step::Field(_) | Step::Item { .. }) {
                height = height.max(step.height()) + 1;
            }
            steps.push(step);
        }
        if steps.is_empty() {
            return base;
        }
        let span = base.span.to(self.previous_span());
        let node = Node::above(height, NodeKind::Postfix { base: Box::new(base), steps }, span);
        self.limited(node)
    }

    fn at_name(&self) -> bool {
        matches!(self.kind(), TokenKind::Word | TokenKind::QuotedName)
    }

    /// `.name` or `.name(…)`
    fn step_by_name(&mut self) -> Option<Step> {
        self.advance();
        let name = self.name("the name of a field")?;
        if self.kind() != TokenKind::OpenGroup {
            return Some(Step::Field(name));
        }
        let arguments = self.arguments();
        let span = name.span.to(self.previous_span());
        Some(Step::Call { name, arguments, span })
    }

    /// `[0]` or `[condition]`
    fn step_by_brackets(&mut self) -> Option<Step> {
        let is_index = self.kind_after() == TokenKind::Number
            && infix_of(self.kind_ahead(2)).is_none()
            && self.kind_ahead(2) != TokenKind::Word;
        let open = self.advance();
        if is_index {
            let index = self.index();
            let end = self.close(TokenKind::CloseList, open);
            return Some(Step::Item { index: index?, span: open.to(end) });
        }
        let condition = self.nested(Self::argument);
        let end = self.close(TokenKind::CloseList, open);
        Some(Step::Filter { condition, span: open.to(end) })
    }

    fn base(&mut self) -> Node {
        let start = self.span();
        match self.kind() {
            TokenKind::Not => {
                self.advance();
                let operand = self.nested(|parser| parser.expression(power::NOT));
                let span = start.to(operand.span);
                Node::above(operand.height, NodeKind::Not(Box::new(operand)), span)
            }
            TokenKind::Minus if self.kind_after() != TokenKind::Number => {
                self.advance();
                let operand = self.nested(Self::operand);
                let span = start.to(operand.span);
                Node::above(operand.height, NodeKind::Negative(Box::new(operand)), span)
            }
            TokenKind::OpenGroup => {
                self.advance();
                let inner = self.nested(|parser| parser.expression(power::NONE));
                let end = self.close(TokenKind::CloseGroup, start);
                Node { span: start.to(end), ..inner }
            }
            TokenKind::OpenList => self.list(),
            TokenKind::Up => self.outer(),
            TokenKind::Parameter => self.parameter(),
            TokenKind::Word => self.word(),
            TokenKind::QuotedName => self.named(),
            _ => match self.literal() {
                Some(literal) => {
                    let span = start.to(self.previous_span());
                    Node::leaf(NodeKind::Literal(literal), span)
                }
                None => self.unreadable("a condition, a field or a value"),
            },
        }
    }

    /// What begins with a word: a form with words of its own, a moment, a call, a field.
    fn word(&mut self) -> Node {
        if let Some(node) = self.form() {
            return node;
        }
        let is = |word: &str| self.at_word(word);
        let kind = if is(NOW) {
            NodeKind::Moment(Moment::Now)
        } else if let Some((_, day)) = DAYS.iter().find(|(word, _)| is(word)) {
            NodeKind::Moment(Moment::Day(*day))
        } else if is(NULL) {
            NodeKind::Null
        } else if is(EVENTS) {
            NodeKind::Events
        } else {
            return self.named();
        };
        Node::leaf(kind, self.advance())
    }

    fn named(&mut self) -> Node {
        let Some(name) = self.name("a name") else {
            return self.unreadable("a name");
        };
        let Name { text, span } = name;
        if self.kind() != TokenKind::OpenGroup {
            return Node::leaf(NodeKind::Name(text), span);
        }
        let arguments = self.arguments();
        let height = highest(&arguments);
        let whole = span.to(self.previous_span());
        Node::above(height, NodeKind::Call { name: Name { text, span }, arguments }, whole)
    }

    /// `^^`
    fn outer(&mut self) -> Node {
        let start = self.span();
        let mut levels = 0;
        while self.eat(TokenKind::Up) {
            levels += 1;
        }
        Node::leaf(NodeKind::Outer(levels), start.to(self.previous_span()))
    }

    fn parameter(&mut self) -> Node {
        if self.text() != "$1" {
            return self.unreadable("`$1`, the only parameter of an audience's definition,");
        }
        Node::leaf(NodeKind::Profile, self.advance())
    }

    pub(super) fn arguments(&mut self) -> Vec<Node> {
        let open = self.advance();
        let mut arguments = Vec::new();
        while !matches!(self.kind(), TokenKind::CloseGroup | TokenKind::End) {
            arguments.push(self.nested(Self::argument));
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.close(TokenKind::CloseGroup, open);
        arguments
    }

    /// `(name) => body`, or a body alone.
    pub(super) fn argument(&mut self) -> Node {
        let is_name = matches!(self.kind_after(), TokenKind::Word | TokenKind::QuotedName);
        let is_lambda = self.kind() == TokenKind::OpenGroup
            && is_name
            && self.kind_ahead(2) == TokenKind::CloseGroup
            && self.kind_ahead(3) == TokenKind::Arrow;
        if !is_lambda {
            return self.expression(power::NONE);
        }
        let start = self.advance();
        let Some(parameter) = self.name("a name") else {
            return self.unreadable("a name");
        };
        self.advance();
        self.advance();
        let body = Box::new(self.expression(power::NONE));
        let span = start.to(body.span);
        Node::above(body.height, NodeKind::Lambda { parameter, body }, span)
    }

    fn list(&mut self) -> Node {
        let open = self.advance();
        let mut items = Vec::new();
        while !matches!(self.kind(), TokenKind::CloseList | TokenKind::End) {
            if items.len() == LIST_ITEMS_MAX {
                let message = format!("this list has more than {LIST_ITEMS_MAX} values");
                self.give_up(open, message, "divide it into several lists joined with `or`");
                break;
            }
            items.push(self.nested(|parser| parser.expression(power::NONE)));
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        let end = self.close(TokenKind::CloseList, open);
        let span: Span = open.to(end);
        Node::above(highest(&items), NodeKind::List(items), span)
    }
}
