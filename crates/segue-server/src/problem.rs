//! Errors as RFC 9457 problem documents, each with a stable code and a page that explains it.
//!
//! ```text
//! HTTP/1.1 413 Payload Too Large
//! content-type: application/problem+json
//!
//! {"type": "/errors/SEG0303", "code": "SEG0303", "title": "Body too large", "status": 413,
//!  "detail": "what was found, and what to do"}
//! ```
//!
//! Invariant: every answer with a status of 400 or more is made here, and every code in
//! [`PROBLEM_KINDS`] has its page `docs/errors/<code>.md` (a test holds both).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use segue_xdm::Violation;
use serde_json::{Map, Value, json};

/// What is the same in every problem of one kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProblemKind {
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
}

const fn kind(code: &'static str, status: StatusCode, title: &'static str) -> ProblemKind {
    ProblemKind { code, status, title }
}

pub(crate) const MALFORMED_JSON: ProblemKind =
    kind("SEG0301", StatusCode::BAD_REQUEST, "Malformed JSON");
pub(crate) const NOTHING_ACCEPTED: ProblemKind =
    kind("SEG0302", StatusCode::BAD_REQUEST, "Nothing accepted");
pub(crate) const BODY_TOO_LARGE: ProblemKind =
    kind("SEG0303", StatusCode::PAYLOAD_TOO_LARGE, "Body too large");
pub(crate) const TOO_MANY_ITEMS: ProblemKind =
    kind("SEG0304", StatusCode::PAYLOAD_TOO_LARGE, "Too many items");
pub(crate) const UNREADABLE_BODY: ProblemKind =
    kind("SEG0305", StatusCode::BAD_REQUEST, "Unreadable body");
pub(crate) const UNKNOWN_ENCODING: ProblemKind =
    kind("SEG0306", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unknown content encoding");
pub(crate) const BAD_PARAMETER: ProblemKind =
    kind("SEG0307", StatusCode::BAD_REQUEST, "Bad parameter");
pub(crate) const DEFINITION_REFUSED: ProblemKind =
    kind("SEG0311", StatusCode::UNPROCESSABLE_ENTITY, "Definition refused");
pub(crate) const DEFINITION_IN_USE: ProblemKind =
    kind("SEG0312", StatusCode::CONFLICT, "Definition in use");
pub(crate) const CHANGED_MEANWHILE: ProblemKind =
    kind("SEG0313", StatusCode::PRECONDITION_FAILED, "Changed meanwhile");
pub(crate) const UNKNOWN_PATH: ProblemKind = kind("SEG0321", StatusCode::NOT_FOUND, "Unknown path");
pub(crate) const NOT_FOUND: ProblemKind = kind("SEG0322", StatusCode::NOT_FOUND, "Not found");
pub(crate) const METHOD_NOT_ALLOWED: ProblemKind =
    kind("SEG0323", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
pub(crate) const FOREIGN_HOST: ProblemKind = kind("SEG0331", StatusCode::FORBIDDEN, "Foreign host");
pub(crate) const FOREIGN_ORIGIN: ProblemKind =
    kind("SEG0332", StatusCode::FORBIDDEN, "Foreign origin");
pub(crate) const BUSY: ProblemKind = kind("SEG0341", StatusCode::SERVICE_UNAVAILABLE, "Busy");
pub(crate) const NOT_READY: ProblemKind =
    kind("SEG0342", StatusCode::SERVICE_UNAVAILABLE, "Not ready");
pub(crate) const STORAGE_FAILED: ProblemKind =
    kind("SEG0343", StatusCode::SERVICE_UNAVAILABLE, "Storage failed");
pub(crate) const INTERNAL: ProblemKind =
    kind("SEG0351", StatusCode::INTERNAL_SERVER_ERROR, "Internal error");

pub(crate) const NOT_TESTABLE: ProblemKind =
    kind("SEG0371", StatusCode::CONFLICT, "Cannot be tested");

/// Every kind of problem that this server answers with.
#[cfg(test)]
pub(crate) const PROBLEM_KINDS: [&ProblemKind; 20] = [
    &MALFORMED_JSON,
    &NOTHING_ACCEPTED,
    &BODY_TOO_LARGE,
    &TOO_MANY_ITEMS,
    &UNREADABLE_BODY,
    &UNKNOWN_ENCODING,
    &BAD_PARAMETER,
    &DEFINITION_REFUSED,
    &DEFINITION_IN_USE,
    &CHANGED_MEANWHILE,
    &UNKNOWN_PATH,
    &NOT_FOUND,
    &METHOD_NOT_ALLOWED,
    &FOREIGN_HOST,
    &FOREIGN_ORIGIN,
    &BUSY,
    &NOT_READY,
    &STORAGE_FAILED,
    &INTERNAL,
    &NOT_TESTABLE,
];

/// How long a sender that met a busy server should wait: the engine empties a full queue in about
/// a second.
const RETRY_AFTER_SECONDS: &str = "1";

/// One problem, on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: &'static ProblemKind,
    /// `detail` and the members that this kind adds.
    members: Map<String, Value>,
}

impl Problem {
    /// A problem whose `detail` says what was found and what to do.
    pub(crate) fn new(kind: &'static ProblemKind, detail: impl Into<String>) -> Problem {
        let members = Map::from_iter([("detail".to_owned(), Value::String(detail.into()))]);
        Problem { kind, members }
    }

    /// The same with one more member.
    pub(crate) fn with(mut self, member: &str, value: Value) -> Problem {
        self.members.insert(member.to_owned(), value);
        self
    }

    /// The same with the rules that were broken.
    pub(crate) fn with_violations(self, violations: &[Violation]) -> Problem {
        let list = violations.iter().map(violation_to_value).collect();
        self.with("violations", Value::Array(list))
    }
}

impl Problem {
    /// The document itself.
    pub(crate) fn into_value(self) -> Value {
        let Problem { kind, mut members } = self;
        members.insert("type".to_owned(), json!(format!("/errors/{}", kind.code)));
        members.insert("code".to_owned(), json!(kind.code));
        members.insert("title".to_owned(), json!(kind.title));
        members.insert("status".to_owned(), json!(kind.status.as_u16()));
        Value::Object(members)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = self.kind;
        let body = self.into_value().to_string();
        let mut response = (kind.status, body).into_response();
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        if kind.status == StatusCode::SERVICE_UNAVAILABLE {
            let wait = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            headers.insert(header::RETRY_AFTER, wait);
        }
        response
    }
}

/// A violation as answers show it.
pub(crate) fn violation_to_value(violation: &Violation) -> Value {
    json!({
        "pointer": violation.pointer,
        "rule": violation.rule,
        "message": violation.message,
    })
}

#[cfg(test)]
mod tests {
    use super::PROBLEM_KINDS;

    #[test]
    fn every_code_has_its_page() {
        let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        for kind in PROBLEM_KINDS {
            let page = std::fs::read_to_string(format!("{pages}/{}.md", kind.code)).unwrap();
            let heading =
                format!("# {}: {}\n\n*HTTP {}", kind.code, kind.title, kind.status.as_u16());
            assert!(page.starts_with(&heading), "{} must begin with {heading}", kind.code);
        }
    }

    #[test]
    fn every_code_means_one_thing() {
        let mut codes = PROBLEM_KINDS.map(|kind| kind.code);
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] != pair[1]), "{codes:?}");
    }
}
