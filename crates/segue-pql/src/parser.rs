//! Reads tokens into a syntax tree: operators here, operands in [`operands`], quantifiers and
//! other words with a form of their own in [`forms`], chains in [`chains`], moments in [`moments`],
//! single values in [`values`]; [`cursor`] moves over the tokens.
//!
//! Operators are read by precedence climbing (Pratt); loosest first:
//!
//! ```text
//! or  <  and  <  not !  <  = != < <= > >= in notIn like occurs  <  + -  <  * / %  <  . [ ]
//! ```
//!
//! Reading goes on after a mistake, so that several are reported at once: it skips to the next
//! `and`, `or`, comma or closing bracket of the same group and leaves [`NodeKind::Unreadable`]
//! behind. Every loop takes at least one token each time around, or ends.

mod chains;
mod cursor;
mod forms;
mod moments;
mod operands;
mod values;

use crate::diagnostic::{Diagnostic, Findings, code};
use crate::expression::{Arithmetic, Comparison};
use crate::lexer::TokenKind;
use crate::limits::{NESTING_MAX, TREE_HEIGHT_MAX};
use crate::syntax::{Connective, Node, NodeKind, highest};
use crate::vocabulary::is_method;

use cursor::Parser;

/// The tree of a whole definition; what is wrong with it is added to `findings`.
pub(crate) fn parse_definition(source: &str, findings: &mut Findings) -> Node {
    let mut parser = Parser::new(source, findings);
    let node = parser.argument();
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
    pub(super) const SUM: u8 = 5;
    pub(super) const PRODUCT: u8 = 6;
}

const LIKE: &str = "like";
const OCCURS: &str = "occurs";

/// What stands after an operand and wants more.
enum Infix {
    Logic(Connective),
    Comparison(Comparison),
    Membership { negated: bool },
    Like,
    Occurs,
    Arithmetic(Arithmetic),
}

impl Infix {
    fn power(&self) -> u8 {
        match self {
            Infix::Logic(Connective::Or) => power::OR,
            Infix::Logic(Connective::And) => power::AND,
            Infix::Comparison(_) | Infix::Membership { .. } | Infix::Like | Infix::Occurs => {
                power::COMPARISON
            }
            Infix::Arithmetic(Arithmetic::Add | Arithmetic::Subtract) => power::SUM,
            Infix::Arithmetic(_) => power::PRODUCT,
        }
    }
}

fn infix_of(kind: TokenKind) -> Option<Infix> {
    Some(match kind {
        TokenKind::Or => Infix::Logic(Connective::Or),
        TokenKind::And => Infix::Logic(Connective::And),
        TokenKind::In => Infix::Membership { negated: false },
        TokenKind::NotIn => Infix::Membership { negated: true },
        TokenKind::Plus => Infix::Arithmetic(Arithmetic::Add),
        TokenKind::Minus => Infix::Arithmetic(Arithmetic::Subtract),
        TokenKind::Times => Infix::Arithmetic(Arithmetic::Multiply),
        TokenKind::Divide => Infix::Arithmetic(Arithmetic::Divide),
        TokenKind::Remainder => Infix::Arithmetic(Arithmetic::Remainder),
        _ => Infix::Comparison(comparison_of(kind)?),
    })
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

fn join(infix: Infix, left: Node, right: Node) -> Node {
    let span = left.span.to(right.span);
    let height = left.height.max(right.height);
    let (left, right) = match infix {
        Infix::Logic(connective) => return join_logic(connective, left, right),
        _ => (Box::new(left), Box::new(right)),
    };
    let kind = match infix {
        Infix::Comparison(comparison) => NodeKind::Comparison { comparison, left, right },
        Infix::Membership { negated } => NodeKind::Membership { negated, left, right },
        Infix::Like => NodeKind::Like { text: left, pattern: right },
        Infix::Arithmetic(operator) => NodeKind::Arithmetic { operator, left, right },
        // Joined above, and read by a form of its own.
        Infix::Logic(_) | Infix::Occurs => NodeKind::Unreadable,
    };
    Node::above(height, kind, span)
}

/// A run of one connective becomes one node, however long it is.
fn join_logic(connective: Connective, left: Node, right: Node) -> Node {
    let span = left.span.to(right.span);
    let (operands, height) = match left.kind {
        NodeKind::Logic { connective: same, mut operands } if same == connective => {
            let height = left.height.max(right.height + 1);
            operands.push(right);
            (operands, height)
        }
        kind => {
            let operands = vec![Node { kind, ..left }, right];
            let height = highest(&operands) + 1;
            (operands, height)
        }
    };
    Node { kind: NodeKind::Logic { connective, operands }, span, height }
}

impl Parser<'_, '_> {
    /// An operand and all that follows with operators that bind tighter than `power`.
    fn expression(&mut self, power: u8) -> Node {
        let mut left = self.operand();
        loop {
            if let Some(infix) = self.infix() {
                if infix.power() <= power {
                    return left;
                }
                self.advance();
                left = match infix {
                    Infix::Occurs => self.occurs(left),
                    _ => {
                        let right = self.expression(infix.power());
                        join(infix, left, right)
                    }
                };
                left = self.limited(left);
            } else if self.kind() == TokenKind::Unreadable || self.refuse_infix_method() {
                self.skip_operand();
                left = Node::unreadable(left.span);
            } else {
                return left;
            }
        }
    }

    fn infix(&self) -> Option<Infix> {
        match self.kind() {
            TokenKind::Word if self.at_word(LIKE) => Some(Infix::Like),
            TokenKind::Word if self.at_word(OCCURS) => Some(Infix::Occurs),
            kind => infix_of(kind),
        }
    }

    /// `a intersects b` instead of `a.intersects(b)`
    fn refuse_infix_method(&mut self) -> bool {
        let name = self.text();
        let refused = self.kind() == TokenKind::Word && is_method(name);
        if refused {
            let message = format!("`{name}` is a method and stands after a dot");
            let diagnostic = Diagnostic::new(code::SYNTAX, self.span(), message);
            self.report(diagnostic.help(format!("write value.{name}(…)")));
        }
        refused
    }

    /// Reads a group's inside, one level deeper, if the limit allows it.
    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Node) -> Node {
        if self.depth == NESTING_MAX {
            return self.refuse_nesting();
        }
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        self.limited(node)
    }

    /// The node, unless it is higher than a tree may be.
    fn limited(&mut self, node: Node) -> Node {
        if node.height > TREE_HEIGHT_MAX { self.refuse_nesting() } else { node }
    }

    fn refuse_nesting(&mut self) -> Node {
        let span = self.span();
        let message = format!("this is nested more than {NESTING_MAX} levels deep");
        self.give_up(span, message, "take parentheses away, or divide it into two audiences");
        Node::unreadable(span)
    }
}
