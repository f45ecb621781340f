//! From what was written to what it means: names find their scope, operands their types.
//!
//! Every part of the tree is checked, also after a mistake, so that all mistakes are reported at
//! once. A result of `None` always comes with a diagnostic.

use segue_xdm::{Path, PathError, Segment};

use crate::diagnostic::{Diagnostic, Findings, Span, code};
use crate::expression::{ChainStep, Comparison, Count, Formula, Leaf, Predicate};
use crate::field_test::{FieldTest, TextPattern, TextRelation};
use crate::syntax::{Connective, Literal, Name, Node, NodeKind, Step};
use crate::vocabulary::{
    EXISTS, IN_SEGMENT, TEXT_METHODS, TextMethod, is_not_supported_yet, not_supported_yet,
    suggestion,
};
use crate::window::Window;

/// The meaning of a whole definition.
pub(crate) fn check_definition(tree: &Node, findings: &mut Findings) -> Option<Formula<Leaf>> {
    Checker { findings }.formula(tree, Scope::Profile, Checker::leaf)
}

/// What the first name of a field refers to.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// An attribute of the profile.
    Profile,
    /// A field of the event of a chain's step; the labels of these steps are known too.
    Step { earlier: &'a [Step] },
    /// The variable of a `select`, which every field must begin with.
    Variable(&'a str),
    /// A field of an item, within the scope outside of `exists(…)`.
    Item(&'a Scope<'a>),
}

impl Scope<'_> {
    /// Whether the name refers to something other than a field.
    fn binds(self, name: &str) -> bool {
        match self {
            Scope::Profile => false,
            Scope::Step { earlier } => earlier.iter().any(|step| step.label.text == name),
            Scope::Variable(variable) => variable == name,
            Scope::Item(outer) => outer.binds(name),
        }
    }
}

struct Checker<'f> {
    findings: &'f mut Findings,
}

/// How a leaf of a formula is read in a scope.
type Read<'f, T> = fn(&mut Checker<'f>, &Node, Scope<'_>) -> Option<T>;

/// Formulas and their leaves.
impl<'f> Checker<'f> {
    fn formula<T>(
        &mut self,
        node: &Node,
        scope: Scope<'_>,
        leaf: Read<'f, T>,
    ) -> Option<Formula<T>> {
        match &node.kind {
            NodeKind::Logic {
                connective,
                operands,
            } => {
                let parts: Vec<_> = operands
                    .iter()
                    .map(|operand| self.formula(operand, scope, leaf))
                    .collect();
                let parts = parts.into_iter().collect::<Option<_>>()?;
                Some(match connective {
                    Connective::And => Formula::All(parts),
                    Connective::Or => Formula::Any(parts),
                })
            }
            NodeKind::Not(operand) => {
                Some(Formula::Not(Box::new(self.formula(operand, scope, leaf)?)))
            }
            _ => leaf(self, node, scope).map(Formula::Is),
        }
    }

    fn predicate(&mut self, node: &Node, scope: Scope<'_>) -> Option<Predicate> {
        self.formula(node, scope, Checker::field_test)
    }

    fn leaf(&mut self, node: &Node, scope: Scope<'_>) -> Option<Leaf> {
        match &node.kind {
            NodeKind::Chain(steps) => self.chain(steps),
            NodeKind::Select {
                variable,
                condition,
            } => {
                let predicate = self.predicate(condition, Scope::Variable(&variable.text))?;
                let step = ChainStep {
                    predicate,
                    window: Window::Always,
                    count: Count::ONE_OR_MORE,
                };
                Some(Leaf::Chain(vec![step]))
            }
            NodeKind::Call {
                receiver: None,
                name,
                arguments,
            } if name.text == IN_SEGMENT => self.audience(node, arguments).map(Leaf::Member),
            _ => self.field_test(node, scope).map(Leaf::Attribute),
        }
    }

    fn chain(&mut self, steps: &[Step]) -> Option<Leaf> {
        let mut checked = Vec::new();
        for (position, step) in steps.iter().enumerate() {
            let earlier = steps.get(..position).unwrap_or(&[]);
            let predicate = self.predicate(&step.condition, Scope::Step { earlier });
            if steps.len() > 1 && step.count.max.is_some() {
                let what = "an upper end of a count within a sequence of steps";
                let help = "write COUNT(n) for at least n, or a chain of one step";
                self.findings
                    .add(not_supported_yet(step.label.span, what).help(help));
                continue;
            }
            checked.extend(predicate.map(|predicate| ChainStep {
                predicate,
                window: step.window,
                count: step.count,
            }));
        }
        (checked.len() == steps.len()).then_some(Leaf::Chain(checked))
    }

    fn audience(&mut self, node: &Node, arguments: &[Node]) -> Option<String> {
        match arguments {
            [
                Node {
                    kind: NodeKind::Literal(Literal::Text(id)),
                    ..
                },
            ] if !id.is_empty() => Some(id.clone()),
            _ => {
                let help = r#"write inSegment("audience id")"#;
                self.report(
                    code::ARGUMENTS,
                    node.span,
                    "inSegment takes an audience's id",
                    help,
                )
            }
        }
    }
}

/// Tests of a field.
impl Checker<'_> {
    fn field_test(&mut self, node: &Node, scope: Scope<'_>) -> Option<FieldTest> {
        match &node.kind {
            NodeKind::Comparison {
                comparison,
                left,
                right,
            } => self.comparison(node.span, *comparison, left, right, scope),
            NodeKind::Membership {
                negated,
                left,
                right,
            } => self.membership(node.span, *negated, left, right, scope),
            NodeKind::Call {
                receiver: Some(receiver),
                name,
                arguments,
            } => self.method(receiver, name, arguments, scope),
            NodeKind::Call {
                receiver: None,
                name,
                arguments,
            } => self.function(node.span, name, arguments, scope),
            NodeKind::Field(_) => {
                let help = "compare it, such as field = true, or write field.exists()";
                self.report(
                    code::NO_CONDITION,
                    node.span,
                    "a field alone is no condition",
                    help,
                )
            }
            NodeKind::Literal(_) | NodeKind::List(_) => {
                let help = "compare a field with it, such as field = \"value\"";
                self.report(
                    code::NO_CONDITION,
                    node.span,
                    "a value alone is no condition",
                    help,
                )
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
            return self.report(
                code::ARGUMENTS,
                span,
                message,
                "compare them with `=` or `!=`",
            );
        }
        Some(FieldTest::Compares {
            path,
            comparison,
            literal: literal.clone(),
        })
    }

    /// Says what is wrong with a comparison that has no literal on either side.
    fn no_literal<T>(&mut self, left: &Node, right: &Node) -> Option<T> {
        for side in [left, right] {
            match &side.kind {
                NodeKind::Unreadable => return None,
                NodeKind::Field(segments) => {
                    if let [Segment::Field(name)] = segments.as_slice() {
                        if name == "null" {
                            let help = "write field.exists(), or not field.exists()";
                            let message = "nothing is equal to null, not even null";
                            return self.report(code::ARGUMENTS, side.span, message, help);
                        }
                        if is_not_supported_yet(name) {
                            self.findings
                                .add(not_supported_yet(side.span, &format!("`{name}`")));
                            return None;
                        }
                    }
                }
                NodeKind::Call { name, .. } if is_not_supported_yet(&name.text) => {
                    let what = format!("`{}`", name.text);
                    self.findings.add(not_supported_yet(name.span, &what));
                    return None;
                }
                NodeKind::List(_) => {
                    let help = "write field in [1, 2, 3]";
                    let message = "a list cannot be compared";
                    return self.report(code::ARGUMENTS, side.span, message, help);
                }
                _ => {
                    let message = "a condition cannot be compared";
                    let help = "compare a field with a value, such as field = 5";
                    return self.report(code::ARGUMENTS, side.span, message, help);
                }
            }
        }
        let span = left.span.to(right.span);
        let diagnostic = not_supported_yet(span, "comparing two fields");
        self.findings
            .add(diagnostic.help("compare with a value; texts stand in double quotes"));
        None
    }

    fn membership(
        &mut self,
        span: Span,
        negated: bool,
        left: &Node,
        right: &Node,
        scope: Scope<'_>,
    ) -> Option<FieldTest> {
        let path = self.path(left, scope);
        let NodeKind::List(items) = &right.kind else {
            if !matches!(right.kind, NodeKind::Unreadable) {
                let what = "`in` with anything but a list of values";
                let diagnostic = not_supported_yet(span, what);
                self.findings
                    .add(diagnostic.help("write field in [\"a\", \"b\"]"));
            }
            return None;
        };
        if items.is_empty() {
            let help = "write at least one value: field in [\"a\"]";
            return self.report(code::NO_CHOICE, right.span, "this list is empty", help);
        }
        let literals: Vec<Option<Literal>> =
            items.iter().map(|item| self.list_item(item)).collect();
        let literals = literals.into_iter().collect::<Option<Vec<_>>>()?;
        Some(FieldTest::IsOneOf {
            path: path?,
            literals,
            negated,
        })
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
                return self
                    .path(field, scope)
                    .map(|path| FieldTest::IsPresent { path });
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
            self.findings
                .add(not_supported_yet(name.span, &format!("`{}`", name.text)));
            return None;
        }
        let known: Vec<&str> = TEXT_METHODS
            .iter()
            .map(|method| method.name)
            .chain([EXISTS])
            .collect();
        let message = format!("there is no method `{}`", name.text);
        self.report(
            code::UNKNOWN_NAME,
            name.span,
            &message,
            &suggestion(&name.text, &known),
        )
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
                Some(FieldTest::HasItem {
                    path: path?,
                    predicate,
                })
            }
            _ => {
                let help = "join several conditions with `and`";
                self.report(
                    code::ARGUMENTS,
                    name.span,
                    "exists takes one condition",
                    help,
                )
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
        if arguments
            .iter()
            .any(|node| matches!(node.kind, NodeKind::Unreadable))
        {
            return None;
        }
        let literals: Vec<Option<&Literal>> = arguments
            .iter()
            .map(|node| match &node.kind {
                NodeKind::Literal(literal) => Some(literal),
                _ => None,
            })
            .collect();
        let case_sensitive = match literals.as_slice() {
            [Some(Literal::Text(_))] => true,
            [Some(Literal::Text(_)), Some(Literal::Boolean(flag))] => *flag,
            [Some(literal)] if method.relation == TextRelation::Equals => {
                let comparison = if method.negated {
                    Comparison::NotEqual
                } else {
                    Comparison::Equal
                };
                let literal = (*literal).clone();
                return Some(FieldTest::Compares {
                    path: path?,
                    comparison,
                    literal,
                });
            }
            _ => {
                let message = format!("{} takes a text, and whether case matters", method.name);
                let help = format!(
                    "write field.{0}(\"a\") or field.{0}(\"a\", false)",
                    method.name
                );
                return self.report(code::ARGUMENTS, name.span, &message, &help);
            }
        };
        let Some(Some(Literal::Text(text))) = literals.first() else {
            return None;
        };
        let pattern = TextPattern::new(method.relation, text, case_sensitive);
        Some(FieldTest::Resembles {
            path: path?,
            pattern,
            negated: method.negated,
        })
    }
}

/// Fields.
impl Checker<'_> {
    /// The path of a field within its scope.
    fn path(&mut self, node: &Node, scope: Scope<'_>) -> Option<Path> {
        let NodeKind::Field(segments) = &node.kind else {
            if matches!(node.kind, NodeKind::Unreadable) {
                return None;
            }
            let help = "write a field such as person.name before the operator or the method";
            return self.report(code::ARGUMENTS, node.span, "a field should be here", help);
        };
        let Some(Segment::Field(first)) = segments.first() else {
            return None;
        };
        if let Some((what, help)) = elsewhere(first, scope) {
            self.findings
                .add(not_supported_yet(node.span, &what).help(help));
            return None;
        }
        let segments = match scope {
            Scope::Variable(variable) if first != variable || segments.len() == 1 => {
                let message = format!("within this `select`, a field begins with `{variable}.`");
                let help = format!(
                    "write {variable}.field; for the profile, close the select in parentheses \
                     and join with `and`"
                );
                return self.report(code::OUT_OF_PLACE, node.span, &message, &help);
            }
            Scope::Variable(_) => segments.get(1..).unwrap_or(&[]),
            _ if scope.binds(first) && segments.len() > 1 => {
                let what = format!("reaching out to `{first}` from here");
                let help = "rename the label or the variable if a field is meant";
                self.findings
                    .add(not_supported_yet(node.span, &what).help(help));
                return None;
            }
            _ => segments,
        };
        match Path::new(segments.to_vec()) {
            Ok(path) => Some(path),
            Err(PathError::NoField) => {
                let help = "write the name of a field after the variable";
                self.report(code::SYNTAX, node.span, "an event is no array", help)
            }
            Err(error) => {
                let help = "read a field that lies further out";
                self.report(code::LIMIT, node.span, &error.to_string(), help)
            }
        }
    }

    fn report<T>(
        &mut self,
        code: &'static str,
        span: Span,
        message: &str,
        help: &str,
    ) -> Option<T> {
        self.findings
            .add(Diagnostic::new(code, span, message).help(help));
        None
    }
}

/// Fields that Adobe's profile has and Segue's attributes do not: a test of one would silently
/// find nothing.
fn elsewhere(first: &str, scope: Scope<'_>) -> Option<(String, &'static str)> {
    let help = match (first, scope) {
        ("xEvent", _) => "write CHAIN(xEvent, timestamp, [C0: WHAT(…)])",
        ("segmentMembership", Scope::Profile) => "write inSegment(\"audience id\")",
        ("identityMap", Scope::Profile) => "test the identityMap of an event within WHAT(…)",
        _ => return None,
    };
    Some((format!("reading `{first}` here"), help))
}
