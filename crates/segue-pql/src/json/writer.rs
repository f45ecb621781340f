//! From an expression to JSON. Every variable has a name here: `x1`, `x2` from the outside in, and
//! the labels of chains `C0`, `C1`.

use segue_xdm::{Path, Segment};
use serde_json::Value;

use super::object;
use super::occurrences::{moment_written, period_written, written};
use crate::definition::Expression;
use crate::expression::{ChainStep, Expr, ExprKind, Lambda, Literal, Quantifier, Variable};
use crate::names::Names;
use crate::occurrence::Moment;
use crate::vocabulary::{
    EVENTS, EXISTS, IF, IN_SEGMENT, aggregate_name, function_name, text_method_name,
};

/// The definition as `pql/json`; [`from_json`](super::from_json) reads it again.
#[must_use]
pub fn to_json(expression: &Expression) -> Value {
    Writer { names: Names::default() }.expr(&expression.condition)
}

struct Writer {
    names: Names,
}

fn node<'a>(kind: &'a str, keys: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    object(keys.into_iter().chain([("nodeType", kind.into())]))
}

fn apply(name: &str, params: impl IntoIterator<Item = Value>) -> Value {
    node("fnApply", [("fnName", name.into()), ("params", params.into_iter().collect())])
}

fn literal(kind: &str, value: impl Into<Value>) -> Value {
    node("literal", [("literalType", kind.into()), ("value", value.into())])
}

impl Writer {
    fn expr(&mut self, expr: &Expr) -> Value {
        match &expr.kind {
            ExprKind::Literal(Literal::Text(text)) => literal("String", text.as_str()),
            ExprKind::Literal(Literal::Integer(number)) => literal("Integer", *number),
            ExprKind::Literal(Literal::Decimal(number)) => literal("Double", *number),
            ExprKind::Literal(Literal::Boolean(flag)) => literal("Boolean", *flag),
            ExprKind::Moment(moment) => moment_written(*moment),
            ExprKind::List(items) => {
                let items: Vec<Value> = items.iter().filter_map(bare_literal).collect();
                literal("List", items)
            }
            ExprKind::Profile => self.profile(),
            ExprKind::Events => field_lookup(EVENTS, self.profile()),
            ExprKind::Variable(variable) => self.variable(*variable),
            ExprKind::Field { of, path } => looked_up(self.expr(of), path),
            ExprKind::Arithmetic { operator, left, right } => {
                self.operation(operator.symbol(), left, right)
            }
            ExprKind::Let { variable, value, body } => {
                let value = self.expr(value);
                let name = self.names.bind(*variable);
                let body = self.expr(body);
                self.names.unbind();
                node("let", [("varName", name.into()), ("value", value), ("body", body)])
            }
            ExprKind::If { condition, then, otherwise } => {
                let params = [condition, then, otherwise].map(|part| self.expr(part));
                apply(IF, params)
            }
            ExprKind::Call { function, arguments } => {
                let params: Vec<Value> = arguments.iter().map(|part| self.expr(part)).collect();
                apply(function_name(*function), params)
            }
            ExprKind::Filter { list, each } => self.over("filter", list, each, None),
            ExprKind::Map { list, each } => self.over("map", list, each, None),
            ExprKind::GroupBy { list, each } => self.over("groupBy", list, each, None),
            ExprKind::Ranked { top, list, each, amount } => {
                self.over(if *top { "topN" } else { "bottomN" }, list, each, Some(amount))
            }
            ExprKind::Aggregate { aggregate, list, each: Some(each) } => {
                self.over(aggregate_name(*aggregate), list, each, None)
            }
            ExprKind::Aggregate { aggregate, list, each: None } => {
                let list = self.expr(list);
                apply(aggregate_name(*aggregate), [list])
            }
            _ => self.condition(expr),
        }
    }

    fn condition(&mut self, expr: &Expr) -> Value {
        match &expr.kind {
            ExprKind::All(parts) => {
                let params: Vec<Value> = parts.iter().map(|part| self.expr(part)).collect();
                apply("and", params)
            }
            ExprKind::Any(parts) => {
                let params: Vec<Value> = parts.iter().map(|part| self.expr(part)).collect();
                apply("or", params)
            }
            ExprKind::Not(part) => {
                let part = self.expr(part);
                apply("not", [part])
            }
            ExprKind::Compare { comparison, left, right } => {
                self.operation(comparison.symbol(), left, right)
            }
            ExprKind::OneOf { value, list, negated } => {
                self.operation(if *negated { "notIn" } else { "in" }, value, list)
            }
            ExprKind::Resembles { value, relation, text, case_sensitive, negated } => {
                let mut params = vec![self.expr(value), self.expr(text)];
                if !case_sensitive {
                    params.push(literal("Boolean", false));
                }
                apply(text_method_name(*relation, *negated), params)
            }
            ExprKind::IsPresent { value, negated } => {
                let value = self.expr(value);
                apply(if *negated { "isNull" } else { "isNotNull" }, [value])
            }
            ExprKind::Occurs { moment, occurrence, negated } => {
                let moment = self.expr(moment);
                let occurrence = written(occurrence, |anchor| self.expr(anchor));
                let negated = negated.then(|| ("negated", true.into()));
                let keys = [("moment", moment), ("occurrence", occurrence)];
                node("occurs", keys.into_iter().chain(negated))
            }
            ExprKind::Quantified { quantifier, list, each } => {
                self.quantified(*quantifier, list, each)
            }
            ExprKind::Chain(steps) => self.chain(steps),
            ExprKind::Member(audience) => apply(IN_SEGMENT, [literal("String", audience.as_str())]),
            // The others are values.
            _ => Value::Null,
        }
    }

    fn profile(&self) -> Value {
        node("parameterReference", [("position", 1.into())])
    }

    fn variable(&self, variable: Variable) -> Value {
        let name = self.names.of(variable).unwrap_or_default();
        node("varRef", [("varName", name.into())])
    }

    fn operation(&mut self, name: &str, left: &Expr, right: &Expr) -> Value {
        let params = [left, right].map(|part| self.expr(part));
        apply(name, params)
    }

    /// What goes through a list: the list, a body over its items, and one more at times.
    fn over(&mut self, name: &str, list: &Expr, each: &Lambda, more: Option<&Expr>) -> Value {
        let mut params = vec![self.expr(list), self.lambda(each)];
        params.extend(more.map(|more| self.expr(more)));
        apply(name, params)
    }

    /// A body that reads nothing of the item needs no variable.
    fn lambda(&mut self, each: &Lambda) -> Value {
        if !each.body.mentions(each.variable) {
            return self.expr(&each.body);
        }
        let name = self.names.bind(each.variable);
        let body = self.expr(&each.body);
        self.names.unbind();
        node("lambda", [("varName", name.into()), ("body", body)])
    }

    fn quantified(&mut self, quantifier: Quantifier, list: &Expr, each: &Lambda) -> Value {
        let (kind, function) = match quantifier {
            Quantifier::Exists => ("select", EXISTS),
            Quantifier::ForAll => ("forall", "forall"),
        };
        let is_always = matches!(each.body.kind, ExprKind::Literal(Literal::Boolean(true)));
        if !is_always && !each.body.mentions(each.variable) {
            return self.over(function, list, each, None);
        }
        let from = self.expr(list);
        let name = self.names.bind(each.variable);
        let keys = [("varName", name.into()), ("from", from)];
        let filter = (!is_always).then(|| ("where", self.expr(&each.body)));
        self.names.unbind();
        let variable = node("varDecl", keys.into_iter().chain(filter));
        node(kind, [("variables", Value::Array(vec![variable]))])
    }

    fn chain(&mut self, steps: &[ChainStep]) -> Value {
        self.names.label(steps);
        let written_steps: Vec<Value> = (steps.iter().zip(0..))
            .map(|(step, place): (&ChainStep, usize)| {
                let what = self.expr(&step.condition);
                let window = step.window.as_ref();
                let window =
                    window.map(|window| written(window, |one: &Moment| moment_written(*one)));
                let count = [("min", step.count.min.into()), ("max", step.count.max.into())];
                object([
                    ("label", format!("C{place}").into()),
                    ("what", what),
                    ("when", window.into()),
                    ("within", step.within.map(period_written).into()),
                    ("count", object(count)),
                ])
            })
            .collect();
        self.names.unlabel(steps);
        node("chain", [("steps", written_steps.into())])
    }
}

fn bare_literal(item: &Expr) -> Option<Value> {
    match &item.kind {
        ExprKind::Literal(Literal::Text(text)) => Some(text.as_str().into()),
        ExprKind::Literal(Literal::Integer(number)) => Some((*number).into()),
        ExprKind::Literal(Literal::Decimal(number)) => Some((*number).into()),
        ExprKind::Literal(Literal::Boolean(flag)) => Some((*flag).into()),
        _ => None,
    }
}

fn field_lookup(name: &str, object: Value) -> Value {
    node("fieldLookup", [("fieldName", name.into()), ("object", object)])
}

fn looked_up(object: Value, path: &Path) -> Value {
    path.segments().iter().fold(object, |object, segment| match segment {
        Segment::Field(name) => field_lookup(name, object),
        Segment::Index(index) => {
            node("itemLookup", [("index", (*index).into()), ("object", object)])
        }
    })
}
