//! From JSON to a syntax tree, which is then checked as any other.
//!
//! A node has no place in a text: its span is the number of its JSON pointer, which messages name
//! in the end.

mod forms;

use serde_json::{Map, Value};

use super::occurrences::COMPARISONS;
use crate::check::check_definition;
use crate::definition::Expression;
use crate::diagnostic::{Diagnostic, Findings, Span, code};
use crate::expression::{Arithmetic, Comparison, Literal, Quantifier};
use crate::limits::NESTING_MAX;
use crate::occurrence::Moment;
use crate::syntax::{Connective, Name, Node, NodeKind, Step, highest};
use crate::vocabulary::{CURRENT, DATE, DAYS, IF, IN_SEGMENT, NOW, suggestion};

/// Nodes within each other: a path of 32 names within groups within each other.
const DEPTH_MAX: usize = 2 * NESTING_MAX;

const NODE_TYPES: [&str; 14] = [
    "fnApply",
    "fieldLookup",
    "itemLookup",
    "literal",
    "parameterReference",
    "varRef",
    "select",
    "exists",
    "forall",
    "lambda",
    "let",
    "moment",
    "occurs",
    "chain",
];

/// Reads a definition given as `pql/json`. Its source is its canonical text.
///
/// # Errors
/// All mistakes that could be told apart, each with the JSON pointer of its place in the message.
pub fn from_json(json: &Value) -> Result<Expression, Vec<Diagnostic>> {
    let mut reader = Reader { pointers: Vec::new(), depth: 0, findings: Findings::default() };
    let tree = reader.node(json, "");
    let condition = check_definition(&tree, &mut reader.findings);
    match condition.filter(|_| reader.findings.is_empty()) {
        Some(condition) => crate::parse(&condition.to_string()),
        None => Err(reader.into_diagnostics()),
    }
}

struct Reader {
    /// The places of the nodes, in the order in which they are read.
    pointers: Vec<String>,
    depth: usize,
    findings: Findings,
}

/// An object of the JSON, and the place of one of its nodes.
#[derive(Clone, Copy)]
struct Place<'j> {
    keys: &'j Map<String, Value>,
    span: Span,
}

impl Reader {
    fn into_diagnostics(self) -> Vec<Diagnostic> {
        let pointers = self.pointers;
        let mut diagnostics = self.findings.into_sorted();
        for diagnostic in &mut diagnostics {
            let pointer = pointers.get(diagnostic.span.end).map_or("", String::as_str);
            if !pointer.is_empty() {
                diagnostic.message = format!("{} at `{pointer}`", diagnostic.message);
            }
            diagnostic.span = 0..0;
        }
        diagnostics
    }

    fn mark(&mut self, pointer: &str) -> Span {
        self.pointers.push(pointer.to_owned());
        Span { start: self.pointers.len() - 1, end: self.pointers.len() - 1 }
    }

    fn refuse(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.findings.add(Diagnostic::new(code::SYNTAX, span, message).help(help));
    }

    fn node(&mut self, json: &Value, pointer: &str) -> Node {
        let span = self.mark(pointer);
        if self.depth == DEPTH_MAX {
            let message = format!("this is nested more than {DEPTH_MAX} levels deep");
            let diagnostic = Diagnostic::new(code::LIMIT, span, message);
            self.findings.add(diagnostic.help("divide it into two audiences"));
            return Node::unreadable(span);
        }
        let Some(keys) = json.as_object() else {
            self.refuse(span, "a node is an object", "write {\"nodeType\": …}");
            return Node::unreadable(span);
        };
        self.depth += 1;
        let node = self.node_of(Place { keys, span }, pointer);
        self.depth -= 1;
        node.unwrap_or_else(|| Node::unreadable(span))
    }

    fn node_of(&mut self, place: Place<'_>, pointer: &str) -> Option<Node> {
        let span = place.span;
        match self.text(place, "nodeType")? {
            "fnApply" => self.applied(place, pointer),
            "fieldLookup" => {
                let name = self.text(place, "fieldName")?.to_owned();
                let step = Step::Field(Name { text: name, span });
                self.looked_up(place, pointer, step)
            }
            "itemLookup" => {
                let index = self.number(place, "index")?;
                let step = Step::Item { index: usize::try_from(index).unwrap_or(usize::MAX), span };
                self.looked_up(place, pointer, step)
            }
            "literal" => self.literal(place),
            "parameterReference" => {
                if self.number(place, "position")? != 1 {
                    self.refuse(span, "a definition has one parameter", "write 1: the profile");
                    return None;
                }
                Some(Node::leaf(NodeKind::Profile, span))
            }
            "varRef" => {
                let name = self.text(place, "varName")?.to_owned();
                Some(Node::leaf(NodeKind::Name(name), span))
            }
            "select" | "exists" => self.quantified(place, pointer, Quantifier::Exists),
            "forall" => self.quantified(place, pointer, Quantifier::ForAll),
            "lambda" => {
                let parameter = self.name(place, "varName")?;
                let body = Box::new(self.below(place, pointer, "body")?);
                Some(Node::above(body.height, NodeKind::Lambda { parameter, body }, span))
            }
            "let" => {
                let name = self.name(place, "varName")?;
                let value = Box::new(self.below(place, pointer, "value")?);
                let body = Box::new(self.below(place, pointer, "body")?);
                let height = value.height.max(body.height);
                Some(Node::above(height, NodeKind::Let { name, value, body }, span))
            }
            "moment" => self.moment(place),
            "occurs" => self.occurs(place, pointer),
            "chain" => self.chain(place, pointer),
            other => {
                let message = format!("there is no node type `{other}`");
                self.refuse(span, message, suggestion(other, &NODE_TYPES));
                None
            }
        }
    }
}

/// Keys.
impl Reader {
    fn missing<T>(&mut self, place: Place<'_>, key: &str, wanted: &str) -> Option<T> {
        let message = format!("the key `{key}` of this node is not {wanted}");
        self.refuse(place.span, message, "docs/pql/json.md lists the nodes and their keys");
        None
    }

    fn text<'j>(&mut self, place: Place<'j>, key: &str) -> Option<&'j str> {
        let text = place.keys.get(key).and_then(Value::as_str);
        text.or_else(|| self.missing(place, key, "a text"))
    }

    fn number(&mut self, place: Place<'_>, key: &str) -> Option<i64> {
        let number = place.keys.get(key).and_then(Value::as_i64);
        number.or_else(|| self.missing(place, key, "a whole number"))
    }

    fn name(&mut self, place: Place<'_>, key: &str) -> Option<Name> {
        let text = self.text(place, key)?.to_owned();
        Some(Name { text, span: place.span })
    }

    fn items<'j>(&mut self, place: Place<'j>, key: &str) -> Option<&'j [Value]> {
        let items = place.keys.get(key).and_then(Value::as_array).map(Vec::as_slice);
        items.or_else(|| self.missing(place, key, "a list"))
    }

    fn object<'j>(&mut self, place: Place<'j>, key: &str) -> Option<Place<'j>> {
        let keys = place.keys.get(key).and_then(Value::as_object);
        let found = keys.map(|keys| Place { keys, span: place.span });
        found.or_else(|| self.missing(place, key, "an object"))
    }

    /// The node under a key.
    fn below(&mut self, place: Place<'_>, pointer: &str, key: &str) -> Option<Node> {
        let Some(json) = place.keys.get(key) else {
            return self.missing(place, key, "there");
        };
        Some(self.node(json, &format!("{pointer}/{key}")))
    }
}

/// Values.
impl Reader {
    fn looked_up(&mut self, place: Place<'_>, pointer: &str, step: Step) -> Option<Node> {
        let object = self.below(place, pointer, "object")?;
        Some(steps_from(object, step, place.span))
    }

    fn literal(&mut self, place: Place<'_>) -> Option<Node> {
        let span = place.span;
        let Some(value) = place.keys.get("value") else {
            return self.missing(place, "value", "there");
        };
        if self.text(place, "literalType")? == "XDMObject" {
            if value == "profile" {
                return Some(Node::leaf(NodeKind::Profile, span));
            }
            return self.missing(place, "value", "`profile`");
        }
        if let Value::Array(items) = value {
            let items: Option<Vec<Node>> =
                items.iter().map(|item| literal_of(item, span)).collect();
            return match items {
                Some(items) => Some(Node::above(1, NodeKind::List(items), span)),
                None => self.missing(place, "value", "a list of texts, numbers, true and false"),
            };
        }
        let literal = literal_of(value, span);
        literal.or_else(|| self.missing(place, "value", "a text, a number, true or false"))
    }

    fn moment(&mut self, place: Place<'_>) -> Option<Node> {
        let text = self.text(place, "value")?;
        let day = DAYS.iter().find(|(word, _)| *word == text);
        let kind = if text == NOW {
            NodeKind::Moment(Moment::Now)
        } else if let Some((_, offset)) = day {
            NodeKind::Moment(Moment::Day(*offset))
        } else if let Ok(date) = text.parse() {
            NodeKind::Moment(Moment::Date(date))
        } else {
            NodeKind::Literal(Literal::Text(text.to_owned()))
        };
        Some(Node::leaf(kind, place.span))
    }

    fn applied(&mut self, place: Place<'_>, pointer: &str) -> Option<Node> {
        let span = place.span;
        let name = self.text(place, "fnName")?;
        let params: Vec<Node> = (self.items(place, "params")?.iter().enumerate())
            .map(|(index, param)| self.node(param, &format!("{pointer}/params/{index}")))
            .collect();
        let height = highest(&params);
        let is_function = [IN_SEGMENT, DATE, IF].contains(&name)
            || CURRENT.iter().any(|(current, _)| *current == name);
        if is_function {
            let name = Name { text: name.to_owned(), span };
            return Some(Node::above(height, NodeKind::Call { name, arguments: params }, span));
        }
        if let Some(connective) = connective(name).filter(|_| !params.is_empty()) {
            return Some(Node::above(
                height,
                NodeKind::Logic { connective, operands: params },
                span,
            ));
        }
        let mut params = params.into_iter();
        let kind = match (params.next(), params.next(), params.len()) {
            (Some(only), None, 0) if matches!(name, "not" | "!") => NodeKind::Not(Box::new(only)),
            (Some(only), None, 0) if name == "-" => NodeKind::Negative(Box::new(only)),
            (Some(left), Some(right), 0) if is_operator(name) => {
                operation(name, Box::new(left), Box::new(right))
            }
            (Some(receiver), second, _) => {
                let arguments: Vec<Node> = second.into_iter().chain(params).collect();
                let name = Name { text: name.to_owned(), span };
                return Some(steps_from(receiver, Step::Call { name, arguments, span }, span));
            }
            (None, ..) => {
                self.refuse(span, format!("`{name}` is applied to nothing"), "write its params");
                return None;
            }
        };
        Some(Node::above(height, kind, span))
    }
}

/// One step more from a value.
fn steps_from(base: Node, step: Step, span: Span) -> Node {
    let height = base.height.max(step.height());
    match base.kind {
        NodeKind::Postfix { base, mut steps } => {
            steps.push(step);
            Node::above(height, NodeKind::Postfix { base, steps }, span)
        }
        _ => {
            let kind = NodeKind::Postfix { base: Box::new(base), steps: vec![step] };
            Node::above(height, kind, span)
        }
    }
}

fn literal_of(value: &Value, span: Span) -> Option<Node> {
    let literal = match value {
        Value::String(text) => Literal::Text(text.clone()),
        Value::Bool(flag) => Literal::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Literal::Integer(integer),
            None if number.is_f64() => Literal::Decimal(number.as_f64()?),
            None => return None,
        },
        _ => return None,
    };
    Some(Node::leaf(NodeKind::Literal(literal), span))
}

fn connective(name: &str) -> Option<Connective> {
    match name {
        "and" => Some(Connective::And),
        "or" => Some(Connective::Or),
        _ => None,
    }
}

fn comparison(symbol: &str) -> Option<Comparison> {
    COMPARISONS.into_iter().find(|comparison| comparison.symbol() == symbol)
}

fn arithmetic(symbol: &str) -> Option<Arithmetic> {
    let all = [
        Arithmetic::Add,
        Arithmetic::Subtract,
        Arithmetic::Multiply,
        Arithmetic::Divide,
        Arithmetic::Remainder,
    ];
    all.into_iter().find(|operator| operator.symbol() == symbol)
}

fn is_operator(name: &str) -> bool {
    matches!(name, "in" | "notIn" | "like")
        || comparison(name).is_some()
        || arithmetic(name).is_some()
}

fn operation(name: &str, left: Box<Node>, right: Box<Node>) -> NodeKind {
    if let Some(comparison) = comparison(name) {
        return NodeKind::Comparison { comparison, left, right };
    }
    if let Some(operator) = arithmetic(name) {
        return NodeKind::Arithmetic { operator, left, right };
    }
    match name {
        "like" => NodeKind::Like { text: left, pattern: right },
        _ => NodeKind::Membership { negated: name == "notIn", left, right },
    }
}
