//! A span: one piece of work in a trace.

use std::borrow::Cow;
use std::time::SystemTime;

use segue_core::TraceContext;

/// One piece of work in a trace, from its beginning to its end.
#[derive(Clone, PartialEq, Debug)]
pub struct Span {
    /// Its trace and its own id.
    pub context: TraceContext,
    /// The span that it is a part of; none if it begins the trace.
    pub parent: Option<u64>,
    /// What was done.
    pub name: Cow<'static, str>,
    /// On which side of what boundary.
    pub kind: SpanKind,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// More about it, by name.
    pub attributes: Vec<(&'static str, AttributeValue)>,
    /// Other spans that led to it.
    pub links: Vec<TraceContext>,
    /// What went wrong, if anything.
    pub error: Option<String>,
}

/// On which side of what boundary a span lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpanKind {
    /// Within Segue.
    Internal,
    /// It answered a request.
    Server,
    /// It made one.
    Client,
    /// It wrote a message for somebody else.
    Producer,
    /// It handled messages that somebody else wrote.
    Consumer,
}

/// The value of an attribute.
#[derive(Clone, PartialEq, Debug)]
pub enum AttributeValue {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

impl Span {
    /// A span that begins now.
    pub(crate) fn begin(
        context: TraceContext,
        parent: Option<u64>,
        name: Cow<'static, str>,
        kind: SpanKind,
    ) -> Span {
        let start = SystemTime::now();
        let (attributes, links, error) = (Vec::new(), Vec::new(), None);
        Span { context, parent, name, kind, start, end: start, attributes, links, error }
    }

    /// It ends now, or later.
    pub fn end(&mut self) {
        self.end = SystemTime::now();
    }

    /// Says more about it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<AttributeValue>) -> Span {
        self.attributes.push((name, value.into()));
        self
    }
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> AttributeValue {
        AttributeValue::Text(text.to_owned())
    }
}

impl From<u64> for AttributeValue {
    fn from(number: u64) -> AttributeValue {
        AttributeValue::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<i64> for AttributeValue {
    fn from(number: i64) -> AttributeValue {
        AttributeValue::Number(number)
    }
}

impl From<usize> for AttributeValue {
    fn from(number: usize) -> AttributeValue {
        AttributeValue::from(number as u64)
    }
}
