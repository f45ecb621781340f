//! Functions. An argument that is missing, or of no use to the function, makes the result missing;
//! that of a condition, false.

use std::rc::Rc;

use serde_json::Value as Json;

use super::moment::{Part, number_of, number_of_now};
use super::scope::Extent;
use super::value::{Value, equal, value};
use super::{Scope, list};
use crate::expression::{Expr, Function};
use crate::value::Scalar;

/// The result of a function.
pub(super) fn called<'a>(
    function: Function,
    arguments: &'a [Expr],
    scope: &Scope<'a>,
) -> Value<'a> {
    let arguments = Arguments { exprs: arguments, scope };
    arguments.result(function).unwrap_or(Value::Missing)
}

/// The arguments of a call; the receiver of a method is the first one.
struct Arguments<'s, 'a> {
    exprs: &'a [Expr],
    scope: &'s Scope<'a>,
}

impl<'a> Arguments<'_, 'a> {
    fn result(&self, function: Function) -> Option<Value<'a>> {
        Some(match function {
            Function::RegexGroup => self.regex_group()?,
            Function::Intersects
            | Function::SubsetOf
            | Function::SupersetOf
            | Function::Includes => Scalar::Boolean(self.holds(function) == Some(true)).into(),
            Function::Intersection => {
                let (left, right) = (self.list(0)?, self.list(1)?);
                self.distinct(left.iter().filter(|item| self.is_in(item, &right)))
            }
            Function::Distinct => self.distinct(self.list(0)?.iter()),
            Function::First => self.list(0)?.first()?.clone(),
            Function::Last => self.list(0)?.last()?.clone(),
            Function::Get => self.got()?,
            Function::Keys => {
                let fields = self.object(0)?.as_object()?;
                Value::list(fields.keys().map(|name| Scalar::Text(name).into()))
            }
            Function::Values => {
                let fields = self.object(0)?.as_object()?;
                Value::list(fields.values().map(Value::of_json))
            }
            Function::GetMonth => number_of(Part::Month, &self.value(0)?, self.scope),
            Function::GetYear => number_of(Part::Year, &self.value(0)?, self.scope),
            Function::GetDayOfMonth => number_of(Part::DayOfMonth, &self.value(0)?, self.scope),
            Function::CurrentMonth => number_of_now(Part::Month, self.scope),
            Function::CurrentYear => number_of_now(Part::Year, self.scope),
            Function::CurrentDayOfMonth => number_of_now(Part::DayOfMonth, self.scope),
        })
    }

    fn value(&self, index: usize) -> Option<Value<'a>> {
        self.exprs.get(index).map(|expr| value(expr, self.scope))
    }

    fn list(&self, index: usize) -> Option<Rc<[Value<'a>]>> {
        self.exprs.get(index).and_then(|expr| list::list(expr, self.scope))
    }

    fn object(&self, index: usize) -> Option<&'a Json> {
        if let Value::Object(object) = self.value(index)? { Some(object) } else { None }
    }

    /// The value of a map at a key, or the item of a list at an index.
    fn got(&self) -> Option<Value<'a>> {
        let key = self.value(1)?;
        match key.text() {
            Some(name) => Some(Value::of_json(self.object(0)?.get(name)?)),
            None => self.list(0)?.get(key.amount()?).cloned(),
        }
    }

    /// `text.regexGroup(regex, number)`: what the group took of the first match; group 0 is all of
    /// it.
    fn regex_group(&self) -> Option<Value<'a>> {
        let (text, pattern) = (self.value(0)?.text()?, self.value(1)?.text()?);
        let number = self.value(2)?.amount()?;
        let found = self.scope.regex(pattern, Extent::Part)?.captures(text)?.get(number)?;
        Some(Scalar::Text(found.as_str()).into())
    }

    /// A condition on two lists, or on a list and an item.
    fn holds(&self, function: Function) -> Option<bool> {
        let left = self.list(0)?;
        if function == Function::Includes {
            return Some(self.is_in(&self.value(1)?, &left));
        }
        let right = self.list(1)?;
        Some(match function {
            Function::SubsetOf => left.iter().all(|item| self.is_in(item, &right)),
            Function::SupersetOf => right.iter().all(|item| self.is_in(item, &left)),
            _ => left.iter().any(|item| self.is_in(item, &right)),
        })
    }

    fn is_in(&self, wanted: &Value<'a>, items: &[Value<'a>]) -> bool {
        items.iter().any(|item| equal(wanted, item, self.scope))
    }

    /// Each of the items once, where it first occurs.
    fn distinct<'i>(&self, items: impl Iterator<Item = &'i Value<'a>>) -> Value<'a>
    where
        'a: 'i,
    {
        let mut distinct: Vec<Value<'a>> = Vec::new();
        for item in items {
            if !self.is_in(item, &distinct) {
                distinct.push(item.clone());
            }
        }
        Value::List(distinct.into())
    }
}
