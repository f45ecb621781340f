//! Values: literals, fields, lists, calls.

use crate::expression::{Arithmetic, Expr, ExprKind, Function, Lambda, Literal};
use crate::occurrence::Moment;
use crate::vocabulary::{DATE, DAYS, EVENTS, IF, NOW, aggregate_name, function_name};

use super::{Printer, power};

impl Printer {
    /// Writes the expression if it is a value.
    pub(super) fn write_value(&mut self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Literal(literal) => self.write_literal(literal),
            ExprKind::Moment(moment) => self.write_moment(*moment),
            ExprKind::List(items) => {
                self.push("[");
                self.write_all(items, ", ", power::NONE);
                self.push("]");
            }
            ExprKind::Profile => self.push("$1"),
            ExprKind::Events => self.push(EVENTS),
            ExprKind::Variable(variable) => self.write_variable(*variable),
            ExprKind::Field { of, path } => self.write_field(of, path),
            ExprKind::Arithmetic { operator, left, right } => {
                let own = match operator {
                    Arithmetic::Add | Arithmetic::Subtract => power::SUM,
                    _ => power::PRODUCT,
                };
                self.write(left, own);
                self.push(&format!(" {} ", operator.symbol()));
                self.write(right, own + 1);
            }
            ExprKind::Let { variable, value, body } => {
                // Tighter than `in`, which ends the value.
                let value = self.apart(|printer| printer.write(value, power::SUM));
                let name = self.names.bind(*variable);
                self.push(&format!("let {name} = {value} in "));
                self.write(body, power::NONE);
                self.names.unbind();
            }
            ExprKind::If { condition, then, otherwise } => {
                self.push(&format!("{IF}("));
                self.write_all([&**condition, then, otherwise], ", ", power::NONE);
                self.push(")");
            }
            ExprKind::Call { function, arguments } => self.write_call(*function, arguments),
            ExprKind::Filter { list, each } => {
                self.write(list, power::OPERAND);
                self.push("[");
                self.write_lambda(each);
                self.push("]");
            }
            ExprKind::Map { list, each } => self.write_over(list, "map", each, None),
            ExprKind::GroupBy { list, each } => self.write_over(list, "groupBy", each, None),
            ExprKind::Ranked { top, list, each, amount } => {
                let name = if *top { "topN" } else { "bottomN" };
                self.write_over(list, name, each, Some(amount));
            }
            ExprKind::Aggregate { aggregate, list, each } => {
                let name = aggregate_name(*aggregate);
                match each {
                    Some(each) => self.write_over(list, name, each, None),
                    None => self.write_method(list, name, []),
                }
            }
            _ => return false,
        }
        true
    }

    /// What is written, taken out again.
    fn apart(&mut self, write: impl FnOnce(&mut Self)) -> String {
        let start = self.text.len();
        write(self);
        self.text.split_off(start)
    }

    /// `list.name(body)`, with one more argument at times.
    pub(super) fn write_over(
        &mut self,
        list: &Expr,
        name: &str,
        each: &Lambda,
        more: Option<&Expr>,
    ) {
        self.write(list, power::OPERAND);
        self.push(&format!(".{name}("));
        self.write_lambda(each);
        if let Some(more) = more {
            self.push(", ");
            self.write(more, power::NONE);
        }
        self.push(")");
    }

    fn write_literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Text(text) => self.write_text(text),
            Literal::Integer(number) => self.push(&number.to_string()),
            Literal::Decimal(number) => self.push(&format!("{number:?}")),
            Literal::Boolean(flag) => self.push(&flag.to_string()),
        }
    }

    /// Escapes are those of JSON.
    pub(super) fn write_text(&mut self, text: &str) {
        self.push(&serde_json::Value::from(text).to_string());
    }

    pub(super) fn write_moment(&mut self, moment: Moment) {
        match moment {
            Moment::Now => self.push(NOW),
            Moment::Day(offset) => {
                let day = DAYS.iter().find(|(_, known)| *known == offset);
                self.push(day.map_or(NOW, |(word, _)| word));
            }
            Moment::Date(date) => {
                let (year, month, day) = (date.year(), date.month(), date.day());
                self.push(&format!("{DATE}({year}, {month}, {day})"));
            }
            Moment::At(moment) => self.write_text(&moment.to_string()),
        }
    }

    fn write_call(&mut self, function: Function, arguments: &[Expr]) {
        let name = function_name(function);
        match arguments.split_first() {
            Some((receiver, rest)) => self.write_method(receiver, name, rest),
            None => self.push(&format!("{name}()")),
        }
    }
}
