//! What goes through a list: quantifiers, filters, aggregates.

use crate::diagnostic::{Span, code};
use crate::expression::{Aggregate, Expr, ExprKind, Function, Lambda, Literal, Quantifier};
use crate::syntax::{self, Node, NodeKind};
use crate::vocabulary::Type;

use super::names::Binding;
use super::{Checker, Typed, always};

impl Checker<'_> {
    /// `exists a from b where c, d from e`: for some a in b, c and for some d in e; `forall`: for
    /// all a in b, c and for all d in e.
    pub(super) fn quantified(
        &mut self,
        quantifier: Quantifier,
        bindings: &[syntax::Binding],
        span: Span,
    ) -> Option<ExprKind> {
        let (binding, inner) = bindings.split_first()?;
        let list = self.value(&binding.list).and_then(|list| self.list(list, "a quantifier"));
        let variable = self.fresh();
        let of = list.as_ref().map_or(Type::Unknown, item_type);
        self.scope.bind(&binding.variable.text, Binding::Value { variable, of });
        self.scope.items += 1;
        let condition = binding.condition.as_ref().map(|condition| self.condition(condition));
        let rest = (!inner.is_empty()).then(|| self.quantified(quantifier, inner, span));
        self.scope.items -= 1;
        let is_used = self.scope.unbind();
        if let (Some(node), Some(Some(_)), false) = (&binding.condition, &condition, is_used) {
            return self.refuse_unread(&binding.variable, node);
        }
        let mut parts = Vec::new();
        for part in [condition, rest.map(|rest| rest.map(|kind| Expr { kind, span }))] {
            match part {
                Some(Some(Expr { kind: ExprKind::All(inner), .. })) => parts.extend(inner),
                Some(part) => parts.push(part?),
                None => {}
            }
        }
        let each = match parts.len() {
            0 => always(variable, span),
            1 => Lambda { variable, body: Box::new(parts.pop()?) },
            _ => {
                let kind = ExprKind::All(parts);
                Lambda { variable, body: Box::new(Expr { kind, span }) }
            }
        };
        Some(ExprKind::Quantified { quantifier, list: Box::new(list?), each })
    }

    /// A condition that is the same for each item was meant otherwise.
    fn refuse_unread<T>(&mut self, variable: &syntax::Name, condition: &Node) -> Option<T> {
        let message = format!("this condition does not read `{}`", variable.text);
        let help = format!("a field of the item begins with the variable: {}.field", variable.text);
        self.refuse(code::OUT_OF_PLACE, condition.span, &message, &help)
    }

    /// `sum value over variable from list where condition`
    pub(super) fn aggregate_over(
        &mut self,
        aggregate: Aggregate,
        value: &Node,
        over: &syntax::Binding,
    ) -> Option<ExprKind> {
        let list = self.value(&over.list).and_then(|list| self.list(list, "an aggregate"));
        let of = list.as_ref().map_or(Type::Unknown, item_type);
        let each = self.with_variable(&over.variable, of, value, Checker::measure);
        let condition = over
            .condition
            .as_ref()
            .map(|condition| self.with_variable(&over.variable, of, condition, Checker::condition));
        let list = match condition {
            Some(condition) => {
                let list = Box::new(list?);
                let span = list.span;
                Expr { kind: ExprKind::Filter { list, each: condition? }, span }
            }
            None => list?,
        };
        Some(ExprKind::Aggregate { aggregate, list: Box::new(list), each: Some(each?) })
    }

    /// What is added up, compared, grouped by.
    pub(super) fn measure(&mut self, node: &Node) -> Option<Expr> {
        Some(self.plain(node)?.expr)
    }

    /// `list[condition]`, `list.filter(condition)`
    pub(super) fn filter(&mut self, list: Typed, condition: &Node, name: &str) -> Option<ExprKind> {
        let list = self.list(list, name)?;
        let each = self.lambda(&list, condition, Checker::condition)?;
        Some(ExprKind::Filter { list: Box::new(list), each })
    }

    /// A body over the items of a list: `(item) => …`, or a body in whose scope the item is.
    pub(super) fn lambda(
        &mut self,
        list: &Expr,
        argument: &Node,
        read: fn(&mut Self, &Node) -> Option<Expr>,
    ) -> Option<Lambda> {
        let of = item_type(list);
        if let NodeKind::Lambda { parameter, body } = &argument.kind {
            return self.with_variable(parameter, of, body, read);
        }
        let variable = self.fresh();
        self.scope.enter(variable, of);
        self.scope.items += 1;
        let body = read(self, argument);
        self.scope.items -= 1;
        self.scope.leave();
        Some(Lambda { variable, body: Box::new(body?) })
    }

    fn with_variable(
        &mut self,
        name: &syntax::Name,
        of: Type,
        body: &Node,
        read: fn(&mut Self, &Node) -> Option<Expr>,
    ) -> Option<Lambda> {
        let variable = self.fresh();
        self.scope.bind(&name.text, Binding::Value { variable, of });
        self.scope.items += 1;
        let checked = read(self, body);
        self.scope.items -= 1;
        let (is_used, checked) = (self.scope.unbind(), checked?);
        if !is_used {
            return self.refuse_unread(name, body);
        }
        Some(Lambda { variable, body: Box::new(checked) })
    }

    pub(super) fn list(&mut self, value: Typed, wanted_by: &str) -> Option<Expr> {
        if matches!(value.expr.kind, ExprKind::Profile) {
            let message = "the profile is no list";
            let help = "name a field that holds one, or xEvent";
            return self.refuse(code::ARGUMENTS, value.span(), message, help);
        }
        self.expect(&value, Type::List, wanted_by)?;
        Some(value.expr)
    }

    /// How many items are wanted.
    pub(super) fn amount(&mut self, node: &Node, wanted_by: &str) -> Option<Expr> {
        let amount = self.number(node, wanted_by)?;
        let is_amount = match amount.kind {
            ExprKind::Literal(Literal::Integer(number)) => number >= 0,
            ExprKind::Literal(_) => false,
            _ => true,
        };
        if is_amount {
            return Some(amount);
        }
        let message = format!("{wanted_by} takes a whole number of items");
        self.refuse(code::NUMBER, amount.span, &message, "write 0 or more")
    }
}

/// What is known about the items of a list.
fn item_type(list: &Expr) -> Type {
    match &list.kind {
        ExprKind::Events => Type::Object,
        ExprKind::Filter { list, .. } | ExprKind::Ranked { list, .. } => item_type(list),
        ExprKind::GroupBy { .. } => Type::List,
        ExprKind::Call { function: Function::Distinct, arguments } => {
            arguments.first().map_or(Type::Unknown, item_type)
        }
        _ => Type::Unknown,
    }
}
