//! One body, many items: a JSON object, a JSON array, or a JSON value a line (NDJSON).
//!
//! In an object or array a syntax error makes the whole body unreadable. In NDJSON it costs only
//! its own line: the neighbours are read on.

use memchr::{memchr, memchr_iter};
use segue_xdm::{Document, JsonReader, Violation};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;

use crate::problem::{self, Problem};

/// Items in one request: far above what a megabyte of real events holds, but it keeps the answer
/// to a megabyte of `1,1,1,…` small.
pub const ITEMS_MAX: usize = 10_000;

const NDJSON_TYPES: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// An item, or why its line is not JSON.
pub(crate) type Item = Result<Document, Violation>;

/// Items of a body, in order. Those on lines of their own are read one by one.
pub(crate) type Items<'b> = Box<dyn Iterator<Item = Item> + 'b>;

/// The items of a body.
pub(crate) fn split<'b>(content_type: Option<&str>, body: &'b [u8]) -> Result<Items<'b>, Problem> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    if body.trim_ascii().is_empty() {
        let detail = "the body is empty; send a JSON object, an array of them, or one a line";
        return Err(Problem::new(&problem::MALFORMED_JSON, detail));
    }
    if is_ndjson(content_type, body) { lines(body) } else { document(body) }
}

/// Reads one JSON value.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(&problem::MALFORMED_JSON, describe(error, error.line()))
        .with("line", json!(error.line()))
        .with("column", json!(error.column()))
}

/// By its content type, or because its first line is a complete value and more lines follow.
fn is_ndjson(content_type: Option<&str>, body: &[u8]) -> bool {
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if NDJSON_TYPES.contains(&media_type.trim().to_lowercase().as_str()) {
        return true;
    }
    let body = body.trim_ascii();
    let Some(end) = memchr(b'\n', body) else {
        return false;
    };
    let (first, _) = body.split_at(end);
    serde_json::from_slice::<IgnoredAny>(first).is_ok()
}

fn document(body: &[u8]) -> Result<Items<'static>, Problem> {
    let mut reader = JsonReader::default();
    let items = match body.trim_ascii_start().first() {
        Some(b'[') => reader.items(body),
        _ => reader.value(body).map(|item| vec![item]),
    };
    let items = items.map_err(|error| malformed(&error))?;
    check_count(items.len())?;
    Ok(Box::new(items.into_iter().map(Ok)))
}

fn lines(body: &[u8]) -> Result<Items<'_>, Problem> {
    let lines = numbered_lines(body).filter(|(line, _)| !line.trim_ascii().is_empty());
    check_count(lines.clone().count())?;
    let mut reader = JsonReader::default();
    let items = lines.map(move |(line, number)| {
        let item = reader.value(line);
        item.map_err(|error| Violation::new("", "syntax", describe(&error, number)))
    });
    Ok(Box::new(items))
}

fn numbered_lines(body: &[u8]) -> impl Iterator<Item = (&[u8], usize)> + Clone {
    let mut start = 0;
    let ends = memchr_iter(b'\n', body).chain([body.len()]);
    let lines = ends.map(move |end| {
        let line = body.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    });
    lines.zip(1..)
}

fn check_count(found: usize) -> Result<(), Problem> {
    if found <= ITEMS_MAX {
        return Ok(());
    }
    let detail = format!("found {found} items; send at most {ITEMS_MAX} in one request");
    Err(Problem::new(&problem::TOO_MANY_ITEMS, detail).with("limit", ITEMS_MAX.into()))
}

/// The parser's words with the place first; `line` counts from the start of the body.
fn describe(error: &serde_json::Error, line: usize) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    let column = error.column();
    let advice = if what == "trailing characters" {
        "send several items as an array or one a line"
    } else {
        "correct the JSON there"
    };
    format!("line {line}, column {column}: {what}; {advice} and send it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: Option<&str>, body: &str, expected: &str) {
        let found = match split(content_type, body.as_bytes()) {
            Err(problem) => format!("{problem:?}"),
            Ok(items) => items
                .map(|item| match item {
                    Ok(document) => document.to_value().to_string(),
                    Err(violation) => violation.message.clone(),
                })
                .collect::<Vec<_>>()
                .join(" | "),
        };
        assert!(found.contains(expected), "{body:?} gives {found}, expected {expected}");
    }

    #[test]
    fn an_object_an_array_and_lines_are_told_apart() {
        check(None, "{\"a\":\n1}", r#"{"a":1}"#);
        check(None, "\u{feff}[1,\n2]", "1 | 2");
        check(None, "\n{\"a\":1}\r\n\n{\"b\":2}\n", r#"{"a":1} | {"b":2}"#);
        check(None, "{}\n{\n", "{} | line 2, column 1: EOF while parsing an object");
        check(Some("application/x-ndjson; charset=utf-8"), "{]\n3", "line 1, column 2: ");
    }

    #[test]
    fn a_document_that_is_no_json_says_where() {
        check(None, "", "the body is empty");
        check(None, "{\"a\" 1}", "line 1, column 6: expected `:`; correct the JSON there");
        check(None, "{} {}", "trailing characters; send several items as an array or one a line");
    }

    #[test]
    fn more_items_than_the_limit_are_refused() {
        let array = format!("[{}1]", "1,".repeat(ITEMS_MAX));
        check(None, &array, "found 10001 items; send at most 10000");
        let lines = "1\n".repeat(ITEMS_MAX + 1);
        check(None, &lines, "found 10001 items; send at most 10000");
        assert_eq!(split(None, "1\n".repeat(ITEMS_MAX).as_bytes()).unwrap().count(), ITEMS_MAX);
    }
}
