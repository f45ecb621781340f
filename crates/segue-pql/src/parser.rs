//! Reads tokens into a syntax tree: conditions here, chains and `select` in [`events`], single
//! values in [`values`]; [`cursor`] moves over the tokens.
//!
//! Conditions are read by precedence climbing (Pratt); loosest first:
//!
//! ```text
//! or  <  and  <  not !  <  = != < <= > >= in notIn  <  field, literal, list, call, (…)
//! ```
//!
//! Reading goes on after a mistake, so that several are reported at once: it skips to the next
//! `and`, `or`, comma or closing bracket of the same group and leaves [`NodeKind::Unreadable`]
//! behind. Every loop takes at least one token each time around, or ends.

mod cursor;
mod events;
mod values;

use segue_xdm::Segment;

use crate::diagnostic::{Findings, Span};
use crate::expression::Comparison;
use crate::lexer::TokenKind;
use crate::limits::{LIST_ITEMS_MAX, NESTING_MAX};
use crate::syntax::{Connective, Name, Node, NodeKind};
use crate::vocabulary::{EXISTS, is_not_supported_yet, not_supported_yet};

use cursor::Parser;

/// The tree of a whole definition; what is wrong with it is added to `findings`.
pub(crate) fn parse_definition(source: &str, findings: &mut Findings) -> Node {
    let mut parser = Parser::new(source, findings);
    let node = parser.expression(power::NONE);
    if parser.kind() != TokenKind::End {
        parser.unexpected("`and`, `or` or the end");
    }
    node
}

/// How tightly operators bind.
mod power {
    pub(super) const NONE: u8 = 0;
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const COMPARISON: u8 = 4;
}

/// What stands between two operands.
enum Infix {
    Logic(Connective),
    Comparison(Comparison),
    Membership { negated: bool },
}

impl Infix {
    fn of(kind: TokenKind) -> Option<Infix> {
        Some(match kind {
            TokenKind::Or => Infix::Logic(Connective::Or),
            TokenKind::And => Infix::Logic(Connective::And),
            TokenKind::In => Infix::Membership { negated: false },
            TokenKind::NotIn => Infix::Membership { negated: true },
            _ => Infix::Comparison(comparison_of(kind)?),
        })
    }

    fn power(&self) -> u8 {
        match self {
            Infix::Logic(Connective::Or) => power::OR,
            Infix::Logic(Connective::And) => power::AND,
            Infix::Comparison(_) | Infix::Membership { .. } => power::COMPARISON,
        }
    }

    fn join(self, left: Node, right: Node) -> Node {
        let span = left.span.to(right.span);
        let kind = match self {
            Infix::Logic(connective) => return join_logic(connective, left, right),
            Infix::Comparison(comparison) => {
                NodeKind::Comparison { comparison, left: Box::new(left), right: Box::new(right) }
            }
            Infix::Membership { negated } => {
                NodeKind::Membership { negated, left: Box::new(left), right: Box::new(right) }
            }
        };
        Node { kind, span }
    }
}

/// A run of one connective becomes one node, however long it is.
fn join_logic(connective: Connective, left: Node, right: Node) -> Node {
    let span = left.span.to(right.span);
    let operands = match left.kind {
        NodeKind::Logic { connective: same, mut operands } if same == connective => {
            operands.push(right);
            operands
        }
        kind => vec![Node { kind, span: left.span }, right],
    };
    Node { kind: NodeKind::Logic { connective, operands }, span }
}

fn comparison_of(kind: TokenKind) -> Option<Comparison> {
    Some(match kind {
        TokenKind::Equal => Comparison::Equal,
        TokenKind::NotEqual => Comparison::NotEqual,
        TokenKind::Less => Comparison::Less,
        TokenKind::LessOrEqual => Comparison::LessOrEqual,
        TokenKind::Greater => Comparison::Greater,
        TokenKind::GreaterOrEqual => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

impl Parser<'_, '_> {
    /// An operand and all that follows with operators that bind tighter than `power`.
    fn expression(&mut self, power: u8) -> Node {
        let mut left = self.operand();
        loop {
            if let Some(infix) = Infix::of(self.kind()) {
                if infix.power() <= power {
                    return left;
                }
                self.advance();
                let right = self.expression(infix.power());
                left = infix.join(left, right);
            } else if self.at_unsupported_operator() {
                left = self.skip_unsupported(&format!("`{}`", self.text()));
            } else if self.kind() == TokenKind::Unreadable {
                self.skip_operand();
                left.kind = NodeKind::Unreadable;
            } else {
                return left;
            }
        }
    }

    fn at_unsupported_operator(&self) -> bool {
        match self.kind() {
            TokenKind::FutureOperator => true,
            TokenKind::Word => is_not_supported_yet(self.text()),
            _ => false,
        }
    }

    fn operand(&mut self) -> Node {
        let start = self.span();
        match self.kind() {
            TokenKind::Not => {
                self.advance();
                let operand = self.nested(|parser| parser.expression(power::NOT));
                let span = start.to(operand.span);
                Node { kind: NodeKind::Not(Box::new(operand)), span }
            }
            TokenKind::OpenGroup => {
                self.advance();
                let inner = self.nested(|parser| parser.expression(power::NONE));
                let end = self.close(TokenKind::CloseGroup, start);
                Node { kind: inner.kind, span: start.to(end) }
            }
            TokenKind::OpenList => self.list(),
            TokenKind::Word | TokenKind::QuotedName => self.named(),
            TokenKind::FutureOperator => self.skip_unsupported(&format!("`{}`", self.text())),
            _ => match self.literal() {
                Some(literal) => {
                    let span = start.to(self.previous_span());
                    Node { kind: NodeKind::Literal(literal), span }
                }
                None => self.unreadable("a condition, a field or a value"),
            },
        }
    }

    /// What begins with a name: a chain, a `select`, a call, a field.
    fn named(&mut self) -> Node {
        let start = self.span();
        let word = self.text();
        match self.kind_after() {
            TokenKind::OpenGroup if word.eq_ignore_ascii_case("chain") => return self.chain(),
            TokenKind::Word if word.eq_ignore_ascii_case("select") || word == EXISTS => {
                return self.select();
            }
            TokenKind::Word | TokenKind::OpenGroup if is_not_supported_yet(word) => {
                return self.skip_unsupported(&format!("`{word}`"));
            }
            _ => {}
        }
        match self.field() {
            Some(parts) if self.kind() == TokenKind::OpenGroup => self.call(parts),
            Some(parts) => field_node(parts),
            None => {
                self.skip_operand();
                Node { kind: NodeKind::Unreadable, span: start }
            }
        }
    }

    /// `name.name[0].name`, each step with its place; `None` after a mistake that was reported.
    fn field(&mut self) -> Option<Vec<(Segment, Span)>> {
        let mut parts = vec![self.field_name()?];
        loop {
            if self.eat(TokenKind::Dot) {
                parts.push(self.field_name()?);
            } else if self.kind() == TokenKind::OpenList {
                parts.push(self.item_index()?);
            } else {
                return Some(parts);
            }
        }
    }

    fn field_name(&mut self) -> Option<(Segment, Span)> {
        let name = self.name("the name of a field")?;
        Some((Segment::Field(name.text), name.span))
    }

    fn item_index(&mut self) -> Option<(Segment, Span)> {
        let open = self.span();
        if self.kind_after() != TokenKind::Number {
            let filter = not_supported_yet(open, "a filter between brackets");
            self.report(filter.help("write field.exists(condition) to find an item of an array"));
            return None;
        }
        self.advance();
        let index = self.index();
        let end = self.close(TokenKind::CloseList, open);
        Some((Segment::Index(index?), open.to(end)))
    }

    /// `field.name(…)` or `name(…)`, from the opening parenthesis on; the name is the last part.
    fn call(&mut self, mut parts: Vec<(Segment, Span)>) -> Node {
        let Some((Segment::Field(text), span)) = parts.pop() else {
            return self.unreadable("a dot and the name of a method");
        };
        let start = parts.first().map_or(span, |(_, first)| *first);
        let receiver = (!parts.is_empty()).then(|| Box::new(field_node(parts)));
        let name = Name { text, span };
        let arguments = self.arguments();
        if matches!(self.kind(), TokenKind::Dot | TokenKind::OpenList) {
            return self.skip_unsupported("going on from the result of a call");
        }
        let span = start.to(self.previous_span());
        Node { kind: NodeKind::Call { receiver, name, arguments }, span }
    }

    fn arguments(&mut self) -> Vec<Node> {
        let open = self.advance();
        let mut arguments = Vec::new();
        while !matches!(self.kind(), TokenKind::CloseGroup | TokenKind::End) {
            arguments.push(self.nested(|parser| parser.expression(power::NONE)));
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.close(TokenKind::CloseGroup, open);
        arguments
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
        Node { kind: NodeKind::List(items), span: open.to(end) }
    }

    /// Reads a group's inside, one level deeper, if the limit allows it.
    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Node) -> Node {
        let span = self.span();
        if self.depth == NESTING_MAX {
            let message = format!("this is nested more than {NESTING_MAX} levels deep");
            self.give_up(span, message, "take parentheses away, or divide it into two audiences");
            return Node { kind: NodeKind::Unreadable, span };
        }
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }
}

fn field_node(parts: Vec<(Segment, Span)>) -> Node {
    let spans = parts.iter().map(|(_, span)| *span);
    let span = spans.reduce(Span::to).unwrap_or_default();
    Node { kind: NodeKind::Field(parts.into_iter().map(|(segment, _)| segment).collect()), span }
}
