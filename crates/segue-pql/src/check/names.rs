//! What names stand for, and the way from a value to what lies in it.
//!
//! A name is looked up from the inside out: a variable or a label, else a field of what is at
//! hand. At hand is the profile; within `[…]`, `WHAT(…)` and a method that goes through a list it
//! is the item. `^` is what was at hand one scope further out.

use segue_xdm::{Path, PathError, Segment};

use crate::diagnostic::{Span, code};
use crate::expression::{Expr, ExprKind, Function, Literal, Variable};
use crate::syntax::{Node, NodeKind, Step};
use crate::vocabulary::{EVENTS, Type, not_supported_yet};

use super::{Checker, Typed};

/// What a variable or a label stands for.
#[derive(Clone, Copy)]
pub(super) enum Binding {
    /// The parameter of the whole definition.
    Profile,
    Value {
        variable: Variable,
        of: Type,
    },
    Step(Label),
}

/// A step's label, as seen from the condition of one of the steps.
#[derive(Clone, Copy)]
pub(super) enum Label {
    /// Of the event at hand.
    Own(Variable),
    /// Of the event that an earlier step took.
    Earlier(Variable),
    /// The step takes no event, or several.
    NotOneEvent,
    /// The step comes later.
    Later,
}

/// What is at hand: what names without a variable are fields of.
#[derive(Clone, Copy)]
pub(super) enum AtHand {
    Profile,
    Item { variable: Variable, of: Type },
}

struct Named {
    name: String,
    binding: Binding,
    is_used: bool,
}

pub(super) struct Scope {
    /// The innermost last.
    names: Vec<Named>,
    /// The innermost last; never empty.
    at_hand: Vec<AtHand>,
    /// How many of the conditions around are about an item of a list or an event.
    pub(super) items: usize,
    /// The earlier steps that the chain at hand refers to.
    pub(super) references: Vec<Variable>,
}

impl Scope {
    pub(super) fn of_profile() -> Scope {
        let at_hand = vec![AtHand::Profile];
        Scope { names: Vec::new(), at_hand, items: 0, references: Vec::new() }
    }

    pub(super) fn bind(&mut self, name: &str, binding: Binding) {
        self.names.push(Named { name: name.to_owned(), binding, is_used: false });
    }

    /// Forgets the innermost name; says whether it was used.
    pub(super) fn unbind(&mut self) -> bool {
        self.names.pop().is_some_and(|named| named.is_used)
    }

    /// Goes into an item.
    pub(super) fn enter(&mut self, variable: Variable, of: Type) {
        self.at_hand.push(AtHand::Item { variable, of });
    }

    pub(super) fn leave(&mut self) {
        self.at_hand.pop();
    }

    fn find(&mut self, name: &str) -> Option<Binding> {
        let found = self.names.iter_mut().rev().find(|named| named.name == name)?;
        found.is_used = true;
        Some(found.binding)
    }

    /// What is at hand this many scopes further out.
    fn outer(&self, levels: usize) -> Option<AtHand> {
        self.at_hand.iter().rev().nth(levels).copied()
    }
}

impl Checker<'_> {
    /// A value and the steps from it on.
    pub(super) fn postfix(&mut self, base: &Node, steps: &[Step]) -> Option<Typed> {
        let (mut value, mut segments) = self.base(base)?;
        for step in steps {
            let span = base.span.to(step.span());
            match step {
                Step::Field(name) => segments.push(Segment::Field(name.text.clone())),
                Step::Item { index, .. } => segments.push(Segment::Index(*index)),
                Step::Filter { condition, .. } => {
                    value = self.field(value, &std::mem::take(&mut segments))?;
                    let kind = self.filter(value, condition, "`[…]`")?;
                    value = Typed::new(kind, span, Type::List);
                    continue;
                }
                Step::Call { name, arguments, .. } => {
                    value = self.field(value, &std::mem::take(&mut segments))?;
                    value = self.method(value, name, arguments, span)?;
                    continue;
                }
            }
            value.expr.span = span;
        }
        let value = self.field(value, &segments)?;
        if matches!(value.expr.kind, ExprKind::Profile) {
            let message = "the profile as a whole is no value";
            let help = "name one of its fields: $1.person.name";
            return self.refuse(code::ARGUMENTS, value.span(), message, help);
        }
        Some(value)
    }

    /// Where the steps begin; a name that is a field is the first of them.
    fn base(&mut self, base: &Node) -> Option<(Typed, Vec<Segment>)> {
        let span = base.span;
        let value = match &base.kind {
            NodeKind::Profile => self.at_hand(AtHand::Profile, span),
            NodeKind::Name(name) => match self.scope.find(name) {
                Some(binding) => self.bound(name, binding, span)?,
                None => {
                    let at_hand = self.scope.outer(0).unwrap_or(AtHand::Profile);
                    let value = self.at_hand(at_hand, span);
                    return Some((value, vec![Segment::Field(name.clone())]));
                }
            },
            NodeKind::Outer(levels) => match self.scope.outer(*levels) {
                Some(at_hand) => self.at_hand(at_hand, span),
                None => {
                    let message = "there is nothing so far outside";
                    let help = "each ^ leads out of one [condition] or method(condition)";
                    return self.refuse(code::OUT_OF_PLACE, span, message, help);
                }
            },
            _ => self.value(base)?,
        };
        Some((value, Vec::new()))
    }

    fn at_hand(&self, at_hand: AtHand, span: Span) -> Typed {
        match at_hand {
            AtHand::Profile => Typed::new(ExprKind::Profile, span, Type::Object),
            AtHand::Item { variable, of } => Typed::new(ExprKind::Variable(variable), span, of),
        }
    }

    fn bound(&mut self, name: &str, binding: Binding, span: Span) -> Option<Typed> {
        let (message, help) = match binding {
            Binding::Profile => return Some(self.at_hand(AtHand::Profile, span)),
            Binding::Value { variable, of } => {
                return Some(Typed::new(ExprKind::Variable(variable), span, of));
            }
            Binding::Step(Label::Own(variable)) => {
                return Some(Typed::new(ExprKind::Variable(variable), span, Type::Object));
            }
            Binding::Step(Label::Earlier(variable)) => {
                return self.earlier_event(variable, span);
            }
            Binding::Step(Label::NotOneEvent) => (
                format!("`{name}` is not one event"),
                "refer to a step that takes one: without COUNT, or COUNT(>= 1)",
            ),
            Binding::Step(Label::Later) => (
                format!("`{name}` comes later"),
                "refer to an earlier step, and compare in the later one",
            ),
        };
        self.refuse(code::OUT_OF_PLACE, span, &message, help)
    }

    /// A field of a value, or an item of the list that it is.
    fn field(&mut self, value: Typed, segments: &[Segment]) -> Option<Typed> {
        let span = value.span();
        let Some((first, rest)) = segments.split_first() else {
            return Some(value);
        };
        let of_profile = matches!(value.expr.kind, ExprKind::Profile);
        match (first, value.of) {
            (Segment::Field(name), _) if of_profile && name == EVENTS => {
                let events = Typed::new(ExprKind::Events, span, Type::List);
                return self.field(events, rest);
            }
            (Segment::Field(name), _) if of_profile && elsewhere(name).is_some() => {
                let help = elsewhere(name).unwrap_or_default();
                let what = format!("reading `{name}` here");
                self.findings.add(not_supported_yet(span, &what).help(help));
                return None;
            }
            (Segment::Index(_), Type::Object) => {
                let help = "write the name of a field after the variable";
                return self.refuse(code::SYNTAX, span, "an event is no array", help);
            }
            (_, Type::Unknown | Type::Object | Type::List) => {}
            (_, of) => {
                let message = format!("{} has no fields", of.name());
                return self.refuse(code::ARGUMENTS, span, &message, "leave the field out");
            }
        }
        // A field of all items is a list, too.
        let of_field = if value.of == Type::List { Type::List } else { Type::Unknown };
        match (value.expr.kind, first) {
            (ExprKind::Field { of, path }, _) => {
                let all = path.segments().iter().chain(segments).cloned().collect();
                self.path(of, all, span, of_field)
            }
            (kind, Segment::Index(index)) => {
                let item = self.item_of(Expr { kind, span }, *index);
                self.field(item, rest)
            }
            (kind, Segment::Field(_)) => {
                self.path(Box::new(Expr { kind, span }), segments.to_vec(), span, of_field)
            }
        }
    }

    fn path(
        &mut self,
        of: Box<Expr>,
        segments: Vec<Segment>,
        span: Span,
        of_field: Type,
    ) -> Option<Typed> {
        match Path::new(segments) {
            Ok(path) => Some(Typed::new(ExprKind::Field { of, path }, span, of_field)),
            Err(PathError::NoField) => {
                let help = "write the name of a field after the variable";
                self.refuse(code::SYNTAX, span, "an event is no array", help)
            }
            Err(error) => {
                let help = "read a field that lies further out";
                self.refuse(code::LIMIT, span, &error.to_string(), help)
            }
        }
    }

    /// `list[index]` where the list is no field.
    fn item_of(&self, list: Expr, index: usize) -> Typed {
        let span = list.span;
        // An index is at most three digits long.
        let index = ExprKind::Literal(Literal::Integer(i64::try_from(index).unwrap_or(i64::MAX)));
        let arguments = vec![list, Expr { kind: index, span }];
        let kind = ExprKind::Call { function: Function::Get, arguments };
        Typed::new(kind, span, Type::Unknown)
    }
}

/// Where to find what Adobe's profile holds and Segue's attributes do not: a test of one would
/// silently find nothing.
fn elsewhere(field: &str) -> Option<&'static str> {
    match field {
        "segmentMembership" => Some("write inSegment(\"audience id\")"),
        "identityMap" => Some("test the identityMap of an event within WHAT(…)"),
        _ => None,
    }
}
