//! Writes what an expression means as `pql/text`.
//!
//! The text is canonical: it depends on the meaning alone, not on how that was written, so equal
//! parts of two audiences have the same text. Reading it gives the same expression again.
//!
//! ```text
//! select e from xEvent where e.price > 5 and e.tags.count() = 2
//!     ──▶ xEvent.exists(price > 5 and tags.count() = 2)
//! items[sku = "a" and parts[^price < 5]]
//!     ──▶ items[(x1) => x1.sku = "a" and x1.parts[x1.price < 5]]
//! ```
//!
//! A variable has a name only where it needs one: where the item as a whole is read, or from
//! within another scope. Names count from the outside: `x1`, `x2`; labels along their chain: `C0`,
//! `C1`. Within an item, the profile's fields begin with `$1`. A variable that nothing binds is
//! `_1`, `_2` in the order of their occurrence.
//!
//! Here: scopes, and how tightly what is written binds. In [`values`] and [`conditions`]: the
//! kinds of expressions.

mod conditions;
mod values;

use std::fmt;

use segue_xdm::{Path, Segment};

use crate::expression::{Expr, ExprKind, Lambda, Variable};
use crate::lexer::{is_word, is_word_start, keyword};
use crate::names::Names;
use crate::occurrence::{Moment, Occurrence};
use crate::vocabulary::{AGGREGATES, DAYS, EVENTS, NOW, NULL, QUANTIFIERS};
pub(crate) use conditions::period_text;

/// How tightly what is written binds, as the parser has it.
mod power {
    pub(super) const NONE: u8 = 0;
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const COMPARISON: u8 = 4;
    pub(super) const SUM: u8 = 5;
    pub(super) const PRODUCT: u8 = 6;
    pub(super) const OPERAND: u8 = 7;
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer::default();
        printer.write(self, power::NONE);
        f.write_str(&printer.text)
    }
}

/// A condition on the item that a variable stands for, whose fields are written by their names.
pub(crate) fn text_about(condition: &Expr, item: Variable) -> String {
    let mut printer = Printer { at_hand: vec![item], ..Printer::default() };
    printer.write(condition, power::NONE);
    printer.text
}

/// An occurrence as it stands in `WHEN(…)`.
pub(crate) fn occurrence_text(occurrence: &Occurrence<Moment>) -> String {
    let mut printer = Printer::default();
    printer.write_occurrence(occurrence, false, &mut |printer, moment| {
        printer.write_moment(*moment);
    });
    printer.text
}

#[derive(Default)]
struct Printer {
    text: String,
    names: Names,
    /// What names without a variable are fields of, the innermost last; of the profile when empty.
    at_hand: Vec<Variable>,
    /// The variables that nothing binds.
    free: Vec<Variable>,
}

impl Printer {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Writes an expression where nothing may stand that binds more loosely than `wanted`.
    fn write(&mut self, expr: &Expr, wanted: u8) {
        if power_of(expr) >= wanted {
            return self.write_bare(expr);
        }
        self.push("(");
        self.write_bare(expr);
        self.push(")");
    }

    fn write_bare(&mut self, expr: &Expr) {
        if !self.write_value(expr) {
            self.write_condition(expr);
        }
    }

    fn write_all<'e>(
        &mut self,
        parts: impl IntoIterator<Item = &'e Expr>,
        separator: &str,
        power: u8,
    ) {
        for (place, part) in parts.into_iter().enumerate() {
            if place > 0 {
                self.push(separator);
            }
            self.write(part, power);
        }
    }

    /// `receiver.name(arguments)`
    fn write_method<'e>(
        &mut self,
        receiver: &Expr,
        name: &str,
        arguments: impl IntoIterator<Item = &'e Expr>,
    ) {
        self.write(receiver, power::OPERAND);
        self.push(".");
        self.push(name);
        self.push("(");
        self.write_all(arguments, ", ", power::NONE);
        self.push(")");
    }

    /// A body over items, as an argument.
    fn write_lambda(&mut self, each: &Lambda) {
        if needs_name(&each.body, each.variable) {
            let name = self.names.bind(each.variable);
            self.push(&format!("({name}) => "));
            self.write(&each.body, power::NONE);
            self.names.unbind();
        } else {
            self.at_hand.push(each.variable);
            self.write(&each.body, power::NONE);
            self.at_hand.pop();
        }
    }

    fn write_variable(&mut self, variable: Variable) {
        let name = match self.names.of(variable) {
            Some(name) => name.to_owned(),
            None => {
                let known = self.free.iter().position(|free| *free == variable);
                let place = known.unwrap_or_else(|| {
                    self.free.push(variable);
                    self.free.len() - 1
                });
                format!("_{}", place + 1)
            }
        };
        self.push(&name);
    }

    fn write_field(&mut self, of: &Expr, path: &Path) {
        let is_at_hand = match of.kind {
            ExprKind::Profile => self.at_hand.is_empty(),
            ExprKind::Variable(variable) => self.at_hand.last() == Some(&variable),
            _ => false,
        };
        let is_bare = is_at_hand && !begins_like_a_variable(path);
        if !is_bare {
            self.write(of, power::OPERAND);
        }
        for (place, segment) in path.segments().iter().enumerate() {
            match segment {
                Segment::Index(index) => self.push(&format!("[{index}]")),
                Segment::Field(name) if is_bare && place == 0 => {
                    self.write_name(name, is_reserved(name));
                }
                Segment::Field(name) => {
                    self.push(".");
                    self.write_name(name, false);
                }
            }
        }
    }

    fn write_name(&mut self, name: &str, is_reserved: bool) {
        let is_plain = name.starts_with(is_word_start) && name.chars().all(is_word);
        if is_plain && !is_reserved {
            self.push(name);
        } else {
            self.push(&format!("`{}`", name.replace('`', "``")));
        }
    }
}

fn power_of(expr: &Expr) -> u8 {
    use crate::expression::{Arithmetic, TextRelation};
    match &expr.kind {
        ExprKind::Let { .. } => power::NONE,
        ExprKind::Any(_) => power::OR,
        ExprKind::All(_) => power::AND,
        ExprKind::Not(_) => power::NOT,
        ExprKind::Compare { .. } | ExprKind::OneOf { .. } | ExprKind::Occurs { .. } => {
            power::COMPARISON
        }
        ExprKind::Resembles { relation: TextRelation::Like, case_sensitive: true, .. } => {
            power::COMPARISON
        }
        ExprKind::Arithmetic { operator: Arithmetic::Add | Arithmetic::Subtract, .. } => power::SUM,
        ExprKind::Arithmetic { .. } => power::PRODUCT,
        _ => power::OPERAND,
    }
}

/// Whether an item can only be spoken of by a name: as a whole, from another scope, or where one
/// of its fields could be taken for a variable.
fn needs_name(body: &Expr, variable: Variable) -> bool {
    match &body.kind {
        ExprKind::Variable(other) => *other == variable,
        ExprKind::Field { of, path } if matches!(of.kind, ExprKind::Variable(_)) => {
            needs_name(of, variable) && begins_like_a_variable(path)
        }
        _ => {
            let is_scope = body.binds().is_some() && !matches!(body.kind, ExprKind::Let { .. })
                || matches!(body.kind, ExprKind::Chain(_));
            let mut needed = false;
            let mut is_list = is_scope;
            body.for_each_child(&mut |part| {
                // The list of a scope stands outside of it, and comes first.
                let is_within = is_scope && !std::mem::take(&mut is_list);
                needed |=
                    if is_within { part.mentions(variable) } else { needs_name(part, variable) };
            });
            needed
        }
    }
}

/// Whether the path, written alone, could begin with one of the names that are given here.
fn begins_like_a_variable(path: &Path) -> bool {
    let Some(Segment::Field(name)) = path.segments().first() else {
        return true;
    };
    let number = name.strip_prefix(['x', 'C', '_']);
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether the name, written alone, is a word with another meaning.
fn is_reserved(name: &str) -> bool {
    let words = [EVENTS, NOW, NULL, "let", "if", "chain", "date", "inSegment"];
    let days = DAYS.iter().map(|(word, _)| *word);
    let quantifiers = QUANTIFIERS.iter().map(|(word, _)| *word);
    let aggregates = AGGREGATES.iter().map(|(word, _)| *word);
    let directions = ["before", "after", "from", "between", "on", "this", "last", "next"];
    let mut all =
        words.into_iter().chain(directions).chain(days).chain(quantifiers).chain(aggregates);
    keyword(name).is_some() || all.any(|word| word.eq_ignore_ascii_case(name))
}
