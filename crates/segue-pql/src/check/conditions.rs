//! Tests of a field: comparisons, `in`, methods and functions, each with the types that it takes.

use segue_xdm::{Path, Segment};

use crate::diagnostic::{Span, code};
use crate::expression::Comparison;
use crate::field_test::{FieldTest, TextPattern, TextRelation};
use crate::syntax::{Literal, Name, Node, NodeKind};
use crate::vocabulary::{
    EXISTS, IN_SEGMENT, LISTED, TEXT_METHODS, TextMethod, is_not_supported_yet, suggestion,
};

use super::{Checker, Scope};

impl Checker<'_> {
    pub(super) fn field_test(&mut self, node: &Node, scope: Scope<'_>) -> Option<FieldTest> {
        match &node.kind {
            NodeKind::Comparison { comparison, left, right } => {
                self.comparison(node.span, *comparison, left, right, scope)
            }
            NodeKind::Membership { negated, left, right } => {
                self.membership(node.span, *negated, left, right, scope)
            }
            NodeKind::Call { receiver: Some(receiver), name, arguments } => {
                self.method(receiver, name, arguments, scope)
            }
            NodeKind::Call { receiver: None, name, arguments } => {
                self.function(node.span, name, arguments, scope)
            }
            NodeKind::Field(_) => {
                let help = "compare it, such as field = true, or write field.exists()";
                self.report(code::NO_CONDITION, node.span, "a field alone is no condition", help)
            }
            NodeKind::Literal(_) | NodeKind::List(_) => {
                let help = "compare a field with it, such as field = \"value\"";
                self.report(code::NO_CONDITION, node.span, "a value alone is no condition", help)
            }
            NodeKind::Chain(_) | NodeKind::Select { .. } => {
                let help = "join them outside with `and`";
                let message = "events cannot be asked for within the condition on one event";
                self.report(code::OUT_OF_PLACE, node.span, message, help)
            }
            // `formula` has taken connectives apart; what is unreadable is reported.
            NodeKind::Logic { .. } | NodeKind::Not(_) | NodeKind::Unreadable => None,
        }
    }

    fn comparison(
        &mut self,
        span: Span,
        comparison: Comparison,
        left: &Node,
        right: &Node,
        scope: Scope<'_>,
    ) -> Option<FieldTest> {
        let (field, comparison, literal) = match (&left.kind, &right.kind) {
            (_, NodeKind::Literal(literal)) => (left, comparison, literal),
            (NodeKind::Literal(literal), _) => (right, comparison.mirrored(), literal),
            _ => return self.no_literal(left, right),
        };
        let path = self.path(field, scope)?;
        let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if ordered && matches!(literal, Literal::Boolean(_)) {
            let message = "true and false have no order";
            return self.report(code::ARGUMENTS, span, message, "compare them with `=` or `!=`");
        }
        Some(FieldTest::Compares { path, comparison, literal: literal.clone() })
    }

    /// Says what is wrong with a comparison that has no literal on either side.
    fn no_literal<T>(&mut self, left: &Node, right: &Node) -> Option<T> {
        for side in [left, right] {
            let (message, help) = match &side.kind {
                NodeKind::Unreadable => return None,
                NodeKind::Call { .. } if self.refuse_unsupported_call(side) => return None,
                NodeKind::Field(segments) => match single_name(segments) {
                    Some("null") => (
                        "nothing is equal to null, not even null",
                        "write field.exists(), or not field.exists()",
                    ),
                    Some(name) if is_not_supported_yet(name) => {
                        return self.not_yet(side.span, &format!("`{name}`"), LISTED);
                    }
                    _ => continue,
                },
                NodeKind::List(_) => ("a list cannot be compared", "write field in [1, 2, 3]"),
                _ => (
                    "a condition cannot be compared",
                    "compare a field with a value, such as field = 5",
                ),
            };
            return self.report(code::ARGUMENTS, side.span, message, help);
        }
        let help = "compare with a value; texts stand in double quotes";
        self.not_yet(left.span.to(right.span), "comparing two fields", help)
    }

    fn membership(
        &mut self,
        span: Span,
        negated: bool,
        left: &Node,
        right: &Node,
        scope: Scope<'_>,
    ) -> Option<FieldTest> {
        let NodeKind::List(items) = &right.kind else {
            if matches!(right.kind, NodeKind::Unreadable) {
                return None;
            }
            let what = "`in` with anything but a list of values";
            return self.not_yet(span, what, r#"write field in ["a", "b"]"#);
        };
        if items.is_empty() {
            let help = "write at least one value: field in [\"a\"]";
            return self.report(code::NO_CHOICE, right.span, "this list is empty", help);
        }
        let path = self.path(left, scope);
        let literals: Vec<Option<Literal>> =
            items.iter().map(|item| self.list_item(item)).collect();
        let literals = literals.into_iter().collect::<Option<Vec<_>>>()?;
        Some(FieldTest::IsOneOf { path: path?, literals, negated })
    }

    fn list_item(&mut self, item: &Node) -> Option<Literal> {
        match &item.kind {
            NodeKind::Literal(literal) => Some(literal.clone()),
            NodeKind::Unreadable => None,
            _ => {
                let help = "texts stand in double quotes: [\"a\", \"b\"]";
                let message = "a list can hold values only";
                self.report(code::ARGUMENTS, item.span, message, help)
            }
        }
    }

    fn function(
        &mut self,
        span: Span,
        name: &Name,
        arguments: &[Node],
        scope: Scope<'_>,
    ) -> Option<FieldTest> {
        if name.text == EXISTS {
            if let [field] = arguments {
                return self.path(field, scope).map(|path| FieldTest::IsPresent { path });
            }
            let help = "write exists(field), or array.exists(condition)";
            return self.report(code::ARGUMENTS, span, "exists takes one field", help);
        }
        if name.text == IN_SEGMENT {
            let message = "membership of an audience is no property of an event";
            let help = "join it outside with `and`: inSegment(\"…\") and CHAIN(…)";
            return self.report(code::OUT_OF_PLACE, name.span, message, help);
        }
        let message = format!("there is no function `{}`", name.text);
        let help = match TEXT_METHODS.iter().find(|method| method.name == name.text) {
            Some(method) => format!("write the field before it: field.{}(…)", method.name),
            None => suggestion(&name.text, &[EXISTS, IN_SEGMENT, "CHAIN"]),
        };
        self.report(code::UNKNOWN_NAME, name.span, &message, &help)
    }

    fn method(
        &mut self,
        receiver: &Node,
        name: &Name,
        arguments: &[Node],
        scope: Scope<'_>,
    ) -> Option<FieldTest> {
        if name.text == EXISTS {
            return self.exists(receiver, name, arguments, scope);
        }
        if let Some(method) = TEXT_METHODS.iter().find(|method| method.name == name.text) {
            let path = self.path(receiver, scope);
            return self.text_method(method, path, name, arguments);
        }
        if is_not_supported_yet(&name.text) {
            return self.not_yet(name.span, &format!("`{}`", name.text), LISTED);
        }
        let known: Vec<&str> =
            TEXT_METHODS.iter().map(|method| method.name).chain([EXISTS]).collect();
        let message = format!("there is no method `{}`", name.text);
        self.report(code::UNKNOWN_NAME, name.span, &message, &suggestion(&name.text, &known))
    }

    fn exists(
        &mut self,
        receiver: &Node,
        name: &Name,
        arguments: &[Node],
        scope: Scope<'_>,
    ) -> Option<FieldTest> {
        let path = self.path(receiver, scope);
        match arguments {
            [] => Some(FieldTest::IsPresent { path: path? }),
            [condition] => {
                let predicate = Box::new(self.predicate(condition, Scope::Item(&scope))?);
                Some(FieldTest::HasItem { path: path?, predicate })
            }
            _ => {
                let help = "join several conditions with `and`";
                self.report(code::ARGUMENTS, name.span, "exists takes one condition", help)
            }
        }
    }

    fn text_method(
        &mut self,
        method: &TextMethod,
        path: Option<Path>,
        name: &Name,
        arguments: &[Node],
    ) -> Option<FieldTest> {
        let kinds: Vec<&NodeKind> = arguments.iter().map(|argument| &argument.kind).collect();
        let (text, case_sensitive) = match kinds.as_slice() {
            [NodeKind::Literal(Literal::Text(text))] => (text, true),
            [NodeKind::Literal(Literal::Text(text)), NodeKind::Literal(Literal::Boolean(flag))] => {
                (text, *flag)
            }
            [NodeKind::Literal(literal)] if method.relation == TextRelation::Equals => {
                let comparison =
                    if method.negated { Comparison::NotEqual } else { Comparison::Equal };
                return Some(FieldTest::Compares {
                    path: path?,
                    comparison,
                    literal: literal.clone(),
                });
            }
            kinds if kinds.iter().any(|kind| matches!(kind, NodeKind::Unreadable)) => {
                return None;
            }
            _ => {
                let message = format!("{} takes a text, and whether case matters", method.name);
                let help =
                    format!("write field.{0}(\"a\") or field.{0}(\"a\", false)", method.name);
                return self.report(code::ARGUMENTS, name.span, &message, &help);
            }
        };
        let pattern = TextPattern::new(method.relation, text, case_sensitive);
        Some(FieldTest::Resembles { path: path?, pattern, negated: method.negated })
    }
}

fn single_name(segments: &[Segment]) -> Option<&str> {
    match segments {
        [Segment::Field(name)] => Some(name),
        _ => None,
    }
}
