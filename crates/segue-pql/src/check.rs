//! From what was written to what it means: names find their scope, operands their types.
//!
//! Every part of the tree is checked, also after a mistake, so that all mistakes are reported at
//! once. A result of `None` always comes with a diagnostic.
//!
//! Here: formulas, their leaves, and fields in their scopes. In [`conditions`]: tests of a field.

mod conditions;

use segue_xdm::{Path, PathError, Segment};

use crate::diagnostic::{Diagnostic, Findings, Span, code};
use crate::expression::{ChainStep, Count, Formula, Leaf, Predicate};
use crate::syntax::{Connective, Literal, Node, NodeKind, Step};
use crate::vocabulary::{IN_SEGMENT, LISTED, is_not_supported_yet, not_supported_yet};
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
    /// A field of the event of a chain's step; the labels of all its steps are known too.
    Chain(&'a [Step]),
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
            Scope::Chain(steps) => steps.iter().any(|step| step.label.text == name),
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
            NodeKind::Logic { connective, operands } => {
                let parts: Vec<_> =
                    operands.iter().map(|operand| self.formula(operand, scope, leaf)).collect();
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
            NodeKind::Select { variable, condition } => {
                let predicate = self.predicate(condition, Scope::Variable(&variable.text))?;
                let step =
                    ChainStep { predicate, window: Window::Always, count: Count::ONE_OR_MORE };
                Some(Leaf::Chain(vec![step]))
            }
            NodeKind::Call { receiver: None, name, arguments } if name.text == IN_SEGMENT => {
                self.audience(node, arguments).map(Leaf::Member)
            }
            _ => self.field_test(node, scope).map(Leaf::Attribute),
        }
    }

    fn chain(&mut self, steps: &[Step]) -> Option<Leaf> {
        let checked: Vec<_> = steps.iter().map(|step| self.chain_step(step, steps)).collect();
        checked.into_iter().collect::<Option<_>>().map(Leaf::Chain)
    }

    fn chain_step(&mut self, step: &Step, steps: &[Step]) -> Option<ChainStep> {
        let predicate = self.predicate(&step.condition, Scope::Chain(steps));
        if steps.len() > 1 && step.count.max.is_some() {
            let what = "an upper end of a count within a sequence of steps";
            let help = "write COUNT(n) for at least n, or a chain of one step";
            return self.not_yet(step.label.span, what, help);
        }
        Some(ChainStep { predicate: predicate?, window: step.window, count: step.count })
    }

    fn audience(&mut self, node: &Node, arguments: &[Node]) -> Option<String> {
        match arguments {
            [Node { kind: NodeKind::Literal(Literal::Text(id)), .. }] if !id.is_empty() => {
                Some(id.clone())
            }
            _ => {
                let help = r#"write inSegment("audience id")"#;
                self.report(code::ARGUMENTS, node.span, "inSegment takes an audience's id", help)
            }
        }
    }
}

/// Fields.
impl Checker<'_> {
    /// The path of a field within its scope.
    fn path(&mut self, node: &Node, scope: Scope<'_>) -> Option<Path> {
        let NodeKind::Field(segments) = &node.kind else {
            if matches!(node.kind, NodeKind::Unreadable) || self.refuse_unsupported_call(node) {
                return None;
            }
            let help = "write a field such as person.name before the operator or the method";
            return self.report(code::ARGUMENTS, node.span, "a field should be here", help);
        };
        let Some(Segment::Field(first)) = segments.first() else {
            return None;
        };
        if let Some((what, help)) = elsewhere(first, scope) {
            return self.not_yet(node.span, &what, help);
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
                return self.not_yet(node.span, &what, help);
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

    /// Reports a call of something that PQL has and Segue not yet, such as `count()`.
    fn refuse_unsupported_call(&mut self, node: &Node) -> bool {
        match &node.kind {
            NodeKind::Call { name, .. } if is_not_supported_yet(&name.text) => {
                let diagnostic = not_supported_yet(name.span, &format!("`{}`", name.text));
                self.findings.add(diagnostic.help(LISTED));
                true
            }
            _ => false,
        }
    }

    fn not_yet<T>(&mut self, span: Span, what: &str, help: &str) -> Option<T> {
        self.findings.add(not_supported_yet(span, what).help(help));
        None
    }

    fn report<T>(
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
