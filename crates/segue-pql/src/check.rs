//! From what was written to what it means: names find what they stand for, operands their types.
//!
//! The parts of the tree are checked side by side, also after a mistake, so that all mistakes are
//! reported at once. A result of `None` always comes with a diagnostic.
//!
//! Here: conditions and what they are joined of. In [`names`]: scopes, fields, steps from a value
//! on. In [`comparisons`]: operators between two values. In [`calls`]: methods and functions. In
//! [`lists`]: what binds a variable to the items of a list. In [`chains`]: chains. In
//! [`moments`]: `occurs`, and comparisons with a moment.

mod calls;
mod chains;
mod comparisons;
mod lists;
mod moments;
mod names;

use crate::diagnostic::{Diagnostic, Findings, Span, code};
use crate::expression::{Arithmetic, Expr, ExprKind, Lambda, Literal, Quantifier, Variable};
use crate::occurrence::Moment;
use crate::syntax::{Connective, Name, Node, NodeKind};
use crate::vocabulary::Type;

use names::{Binding, Scope};

/// The meaning of a whole definition.
pub(crate) fn check_definition(tree: &Node, findings: &mut Findings) -> Option<Expr> {
    let mut checker = Checker { findings, scope: Scope::of_profile(), variables: 0, patterns: 0 };
    let NodeKind::Lambda { parameter, body } = &tree.kind else {
        return checker.condition(tree);
    };
    checker.scope.bind(&parameter.text, Binding::Profile);
    checker.condition(body)
}

struct Checker<'f> {
    findings: &'f mut Findings,
    scope: Scope,
    /// How many variables there are.
    variables: u32,
    /// How many regular expressions were compiled.
    patterns: usize,
}

/// A value, and what is known about it.
struct Typed {
    expr: Expr,
    of: Type,
}

impl Typed {
    fn new(kind: ExprKind, span: Span, of: Type) -> Typed {
        Typed { expr: Expr { kind, span }, of }
    }

    fn span(&self) -> Span {
        self.expr.span
    }

    fn literal(&self) -> Option<&Literal> {
        match &self.expr.kind {
            ExprKind::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// Whether it is the same whatever the profile.
    fn is_constant(&self) -> bool {
        matches!(
            &self.expr.kind,
            ExprKind::Literal(_)
                | ExprKind::Moment(Moment::Date(_) | Moment::At(_))
                | ExprKind::List(_)
        )
    }
}

/// Conditions.
impl Checker<'_> {
    fn condition(&mut self, node: &Node) -> Option<Expr> {
        let kind = match &node.kind {
            NodeKind::Unreadable => return None,
            NodeKind::Logic { connective, operands } => self.logic(*connective, operands)?,
            NodeKind::Not(operand) => ExprKind::Not(Box::new(self.condition(operand)?)),
            NodeKind::Literal(_) | NodeKind::List(_) => {
                let help = "compare a field with it, such as field = \"value\"";
                return self.refuse(
                    code::NO_CONDITION,
                    node.span,
                    "a value alone is no condition",
                    help,
                );
            }
            _ => {
                let value = self.value(node)?;
                return self.as_condition(value);
            }
        };
        Some(Expr { kind, span: node.span })
    }

    fn as_condition(&mut self, value: Typed) -> Option<Expr> {
        let span = value.span();
        match value.expr.kind {
            _ if value.of == Type::Condition => Some(value.expr),
            // A filter stands for "some item passes".
            ExprKind::Filter { list, each } => {
                let kind = ExprKind::Quantified { quantifier: Quantifier::Exists, list, each };
                Some(Expr { kind, span })
            }
            ExprKind::Field { .. } => {
                let message = "a field alone is no condition";
                let help = "compare it, such as field = true, or write field.exists()";
                self.refuse(code::NO_CONDITION, span, message, help)
            }
            _ => {
                let message = format!("{} alone is no condition", value.of.name());
                let help = match value.of {
                    Type::List => "ask for its items: list.exists(condition), list.count() > 0",
                    _ => "compare it with a value",
                };
                self.refuse(code::NO_CONDITION, span, &message, help)
            }
        }
    }

    /// A part that is itself of the same kind becomes parts of the whole.
    fn logic(&mut self, connective: Connective, operands: &[Node]) -> Option<ExprKind> {
        let checked: Vec<_> = operands.iter().map(|operand| self.condition(operand)).collect();
        let mut parts = Vec::with_capacity(checked.len());
        for part in checked {
            match (connective, part?) {
                (Connective::And, Expr { kind: ExprKind::All(inner), .. })
                | (Connective::Or, Expr { kind: ExprKind::Any(inner), .. }) => parts.extend(inner),
                (_, part) => parts.push(part),
            }
        }
        Some(match connective {
            Connective::And => ExprKind::All(parts),
            Connective::Or => ExprKind::Any(parts),
        })
    }
}

/// Values.
impl Checker<'_> {
    /// What the node stands for, a condition too.
    fn value(&mut self, node: &Node) -> Option<Typed> {
        let span = node.span;
        let (kind, of) = match &node.kind {
            NodeKind::Unreadable => return None,
            NodeKind::Name(_) | NodeKind::Profile | NodeKind::Outer(_) => {
                return self.postfix(node, &[]);
            }
            NodeKind::Postfix { base, steps } => return self.postfix(base, steps),
            NodeKind::Events => (ExprKind::Events, Type::List),
            NodeKind::Null => {
                let message = "nothing is equal to null, not even null";
                let help = "write field.isNull() or field.isNotNull()";
                return self.refuse(code::ARGUMENTS, span, message, help);
            }
            NodeKind::Moment(moment) => (ExprKind::Moment(*moment), Type::Moment),
            NodeKind::Literal(literal) => {
                (ExprKind::Literal(literal.clone()), type_of_literal(literal))
            }
            NodeKind::List(items) => (ExprKind::List(self.items(items)?), Type::List),
            NodeKind::Call { name, arguments } => return self.function(span, name, arguments),
            NodeKind::Lambda { parameter, .. } => {
                let message = "a parameter has no meaning here";
                let help = "a definition can have one, and what goes through a list: \
                            list.filter((item) => …)";
                return self.refuse(code::OUT_OF_PLACE, parameter.span, message, help);
            }
            NodeKind::Negative(operand) => (self.negative(operand)?, Type::Number),
            NodeKind::Arithmetic { operator, left, right } => {
                (self.arithmetic(*operator, left, right)?, Type::Number)
            }
            NodeKind::Aggregate { aggregate, value, over } => {
                (self.aggregate_over(*aggregate, value, over)?, Type::Number)
            }
            NodeKind::Let { name, value, body } => return self.let_in(span, name, value, body),
            NodeKind::Logic { .. } | NodeKind::Not(_) => {
                return Some(Typed { expr: self.condition(node)?, of: Type::Condition });
            }
            NodeKind::Comparison { comparison, left, right } => {
                (self.comparison(span, *comparison, left, right)?, Type::Condition)
            }
            NodeKind::Membership { negated, left, right } => {
                (self.membership(span, *negated, left, right)?, Type::Condition)
            }
            NodeKind::Like { text, pattern } => (self.like(text, pattern)?, Type::Condition),
            NodeKind::Occurs { moment, occurrence, negated } => {
                (self.occurs(moment, occurrence, *negated)?, Type::Condition)
            }
            NodeKind::Quantified { quantifier, bindings } => {
                (self.quantified(*quantifier, bindings, span)?, Type::Condition)
            }
            NodeKind::Chain(steps) => (self.chain(span, steps)?, Type::Condition),
        };
        Some(Typed::new(kind, span, of))
    }

    /// A value that can be compared, handed over, put into a list; no condition and no moment.
    fn plain(&mut self, node: &Node) -> Option<Typed> {
        let value = self.value(node)?;
        let (message, help) = match value.of {
            Type::Condition => ("a condition is no value", "write if(condition, 1, 0)"),
            Type::Moment => (
                "a moment can only be compared",
                "write field < now, or field occurs < 3 days before now",
            ),
            _ => return Some(value),
        };
        self.refuse(code::OUT_OF_PLACE, value.span(), message, help)
    }

    fn number(&mut self, node: &Node, wanted_by: &str) -> Option<Expr> {
        let value = self.plain(node)?;
        self.expect(&value, Type::Number, wanted_by)?;
        Some(value.expr)
    }

    /// Reports a value of which it is known that it has another type.
    fn expect(&mut self, value: &Typed, wanted: Type, wanted_by: &str) -> Option<()> {
        if wanted == Type::Unknown || value.of == Type::Unknown || value.of == wanted {
            return Some(());
        }
        let message = format!("{wanted_by} takes {}, not {}", wanted.name(), value.of.name());
        let help = match wanted {
            Type::List => "write a field that holds a list, or [\"a\", \"b\"]",
            Type::Text => "write a field that holds a text, or a text in double quotes",
            Type::Number => "write a field that holds a number, or a number",
            Type::Object => "write a field that holds an object, such as identityMap",
            _ => "write a field",
        };
        self.refuse(code::ARGUMENTS, value.span(), &message, help)
    }

    /// The values of a list.
    fn items(&mut self, items: &[Node]) -> Option<Vec<Expr>> {
        let checked: Vec<_> = items.iter().map(|item| self.item(item)).collect();
        checked.into_iter().collect()
    }

    fn item(&mut self, item: &Node) -> Option<Expr> {
        match &item.kind {
            NodeKind::Literal(literal) => {
                Some(Expr { kind: ExprKind::Literal(literal.clone()), span: item.span })
            }
            NodeKind::Unreadable => None,
            _ => {
                let help = "texts stand in double quotes: [\"a\", \"b\"]";
                let message = "a list can hold values only";
                self.refuse(code::ARGUMENTS, item.span, message, help)
            }
        }
    }

    fn negative(&mut self, operand: &Node) -> Option<ExprKind> {
        let right = Box::new(self.number(operand, "`-`")?);
        let zero = ExprKind::Literal(Literal::Integer(0));
        let left = Box::new(Expr { kind: zero, span: operand.span });
        Some(ExprKind::Arithmetic { operator: Arithmetic::Subtract, left, right })
    }

    fn arithmetic(&mut self, operator: Arithmetic, left: &Node, right: &Node) -> Option<ExprKind> {
        let name = format!("`{}`", operator.symbol());
        let (left, right) = (self.number(left, &name), self.number(right, &name));
        Some(ExprKind::Arithmetic { operator, left: Box::new(left?), right: Box::new(right?) })
    }

    fn let_in(&mut self, span: Span, name: &Name, value: &Node, body: &Node) -> Option<Typed> {
        let value = self.value(value);
        let of = value.as_ref().map_or(Type::Unknown, |value| value.of);
        if let Some(Expr { kind: ExprKind::Moment(Moment::Now | Moment::Day(_)), span }) =
            value.as_ref().map(|value| &value.expr)
        {
            let help = "write it where it is needed: field < now";
            return self.refuse(code::OUT_OF_PLACE, *span, "`now` needs no name", help);
        }
        let variable = self.fresh();
        self.scope.bind(&name.text, Binding::Value { variable, of });
        let body = self.value(body);
        self.scope.unbind();
        let (value, body) = (Box::new(value?.expr), body?);
        let of = body.of;
        let kind = ExprKind::Let { variable, value, body: Box::new(body.expr) };
        Some(Typed::new(kind, span, of))
    }

    fn fresh(&mut self) -> Variable {
        self.variables += 1;
        Variable(self.variables)
    }

    fn refuse<T>(
        &mut self,
        code: &'static str,
        span: Span,
        message: &str,
        help: &str,
    ) -> Option<T> {
        self.findings.add(Diagnostic::new(code, span, message).help(help));
        None
    }
}

fn type_of_literal(literal: &Literal) -> Type {
    match literal {
        Literal::Text(_) => Type::Text,
        Literal::Integer(_) | Literal::Decimal(_) => Type::Number,
        Literal::Boolean(_) => Type::Boolean,
    }
}

/// A condition that every item passes.
fn always(variable: Variable, span: Span) -> Lambda {
    let kind = ExprKind::Literal(Literal::Boolean(true));
    Lambda { variable, body: Box::new(Expr { kind, span }) }
}
