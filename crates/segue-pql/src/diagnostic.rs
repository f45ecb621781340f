//! What is wrong with a definition: a stable code, the place in the source, and what to do.
//!
//! Rendered for a terminal or a problem document, always as plain text:
//!
//! ```text
//! error[SEG0105]: there is no method `equal`
//!  --> sports-fan:1:33
//!   |
//! 1 | person.name.equal("x")
//!   |             ^^^^^
//!   |
//!   = help: did you mean `equals`?
//! ```

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::limits::DIAGNOSTICS_MAX;

/// Bytes of a line that is shown with carets. A longer one was not written by hand, and laying it
/// out takes time.
const SHOWN_LINE_BYTES_MAX: usize = 4096;

/// The codes. A code keeps its meaning for ever; `docs/errors` has a page for each.
pub(crate) mod code {
    pub(crate) const CHARACTER: &str = "SEG0101";
    pub(crate) const TEXT: &str = "SEG0102";
    pub(crate) const NUMBER: &str = "SEG0103";
    pub(crate) const SYNTAX: &str = "SEG0104";
    pub(crate) const UNKNOWN_NAME: &str = "SEG0105";
    pub(crate) const ARGUMENTS: &str = "SEG0106";
    pub(crate) const NO_CONDITION: &str = "SEG0107";
    pub(crate) const NOT_SUPPORTED_YET: &str = "SEG0108";
    pub(crate) const LIMIT: &str = "SEG0109";
    pub(crate) const OUT_OF_PLACE: &str = "SEG0110";
    pub(crate) const WINDOW: &str = "SEG0111";
    pub(crate) const NO_CHOICE: &str = "SEG0112";
}

/// One thing that is wrong with a definition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Which kind of mistake, such as `SEG0104`; `docs/errors` explains each.
    pub code: &'static str,
    /// Which bytes of the source.
    pub span: Range<usize>,
    /// What was found.
    pub message: String,
    /// What to write instead, where that can be said.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn new(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, span: span.start..span.end, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// The line on which it begins, counted from 1. `source` is the text that was parsed.
    #[must_use]
    pub fn line(&self, source: &str) -> usize {
        line_and_column(source, self.span.start).0
    }

    /// The character of its line at which it begins, counted from 1.
    #[must_use]
    pub fn column(&self, source: &str) -> usize {
        line_and_column(source, self.span.start).1
    }

    /// Plain text of several lines that shows the place with carets under it. `origin` names the
    /// source: a file or an audience.
    #[must_use]
    pub fn render(&self, source: &str, origin: &str) -> String {
        let (line_number, column) = line_and_column(source, self.span.start);
        let (line, carets) = self.first_line(source);
        if line.len() > SHOWN_LINE_BYTES_MAX {
            return format!("error: {self}\n --> {origin}:{line_number}:{column}");
        }
        let snippet = Snippet::source(line)
            .path(origin)
            .line_start(line_number)
            .annotation(AnnotationKind::Primary.span(carets));
        let mut group =
            Level::ERROR.primary_title(self.message.as_str()).id(self.code).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::plain().render(&[group])
    }

    /// The line on which it begins, and what it marks of it.
    fn first_line<'s>(&self, source: &'s str) -> (&'s str, Range<usize>) {
        let (before, after) = source.split_at_checked(self.span.start).unwrap_or((source, ""));
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = before.len() + after.find('\n').unwrap_or(after.len());
        let marked_end = self.span.end.clamp(before.len(), end);
        (source.get(start..end).unwrap_or(""), before.len() - start..marked_end - start)
    }
}

/// Plain text of several lines that shows a place in a source with carets under it, and says
/// `what` it is about it.
pub(crate) fn render_note(
    title: &str,
    what: &str,
    span: Range<usize>,
    source: &str,
    origin: &str,
) -> String {
    let diagnostic = Diagnostic { code: "", span, message: String::new(), help: None };
    let (line_number, column) = line_and_column(source, diagnostic.span.start);
    let (line, carets) = diagnostic.first_line(source);
    if line.len() > SHOWN_LINE_BYTES_MAX {
        return format!("note: {title}: {what}\n --> {origin}:{line_number}:{column}");
    }
    let annotation = AnnotationKind::Primary.span(carets).label(what);
    let snippet = Snippet::source(line).path(origin).line_start(line_number).annotation(annotation);
    Renderer::plain().render(&[Level::NOTE.primary_title(title).element(snippet)])
}

/// The line and its character, both counted from 1, at a byte of the source.
pub(crate) fn line_and_column(source: &str, position: usize) -> (usize, usize) {
    let before = source.get(..position).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)?;
        self.help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}

/// A range of bytes of the source that can be copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }
}

/// Collects diagnostics: at most one for a place, since a second one there is an echo of the first,
/// and no more than [`DIAGNOSTICS_MAX`].
#[derive(Default)]
pub(crate) struct Findings(Vec<Diagnostic>);

impl Findings {
    pub(crate) fn add(&mut self, diagnostic: Diagnostic) {
        let echo = self.0.iter().any(|known| known.span.start == diagnostic.span.start);
        if !echo && !self.is_full() {
            self.0.push(diagnostic);
        }
    }

    /// Whether nothing more is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= DIAGNOSTICS_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order of the source.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.0.sort_by_key(|diagnostic| diagnostic.span.start);
        self.0
    }
}
