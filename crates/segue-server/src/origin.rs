//! Who may talk to a server that has no passwords yet: programs, and pages of this machine.
//!
//! A web page from elsewhere can make its visitor's browser send requests to `127.0.0.1`. Two
//! tricks are stopped here:
//! - *DNS rebinding*: the page's own host name is made to resolve to this machine. Such a request
//!   says so in `Host`, so only names of this machine are answered, for every method.
//! - *Cross-site requests*: the page posts to us directly. The browser adds `Origin` (or at least
//!   `Sec-Fetch-Site`), so methods that change something must come from this server's own pages,
//!   from a page of this machine, or from a program, which sends neither.
//!
//! Other sites cannot read answers either way: no CORS header is ever sent.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{self, Problem};

/// Middleware: answers foreign requests with 403, passes on all others.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    match check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = uri.authority().map(Authority::as_str).or_else(|| text(HOST.as_str()));
    let Some(host) = host.filter(|host| names_this_machine(host)) else {
        let detail = format!(
            "host `{}` is not a name of this machine; use localhost or 127.0.0.1",
            host.unwrap_or_default()
        );
        return Err(Problem::new(&problem::FOREIGN_HOST, detail));
    };
    if method.is_safe() {
        return Ok(());
    }
    let allowed = match text(ORIGIN.as_str()) {
        Some(origin) => is_page_of_this_machine(origin, host),
        None => !headers.contains_key(ORIGIN) && text("sec-fetch-site") != Some("cross-site"),
    };
    if allowed {
        return Ok(());
    }
    let detail = format!(
        "a page of {} may not change anything here; send it from the server's own pages, \
         from localhost, or without a browser",
        text(ORIGIN.as_str()).unwrap_or("another site")
    );
    Err(Problem::new(&problem::FOREIGN_ORIGIN, detail))
}

/// The same host and port as ours, or any port of this machine. `null` (a sandboxed page) is
/// neither.
fn is_page_of_this_machine(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    matches!(scheme, "http" | "https") && (authority == host || names_this_machine(authority))
}

/// `localhost`, a name under it, or a loopback address, with or without a port.
fn names_this_machine(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let host = host.to_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refusal(method: &Method, headers: &[(&'static str, &str)]) -> Option<&'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let answer = check(method, &Uri::from_static("/api/events"), &map);
        answer.err().map(|problem| problem.kind.code)
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in
            ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "shop.localhost", "127.9.9.9"]
        {
            assert_eq!(refusal(&Method::GET, &[("host", host)]), None, "{host}");
        }
        for host in ["evil.example:8080", "localhost.evil.example", "10.0.0.1", "a b", "[::2]"] {
            assert_eq!(refusal(&Method::GET, &[("host", host)]), Some("SEG0331"), "{host}");
        }
        assert_eq!(refusal(&Method::GET, &[]), Some("SEG0331"));
    }

    #[test]
    fn only_pages_of_this_machine_may_change_something() {
        let host = ("host", "localhost:8080");
        let post = |header| refusal(&Method::POST, &[host, header]);
        assert_eq!(refusal(&Method::POST, &[host]), None);
        assert_eq!(post(("origin", "http://localhost:8080")), None);
        assert_eq!(post(("origin", "http://127.0.0.1:3000")), None);
        assert_eq!(post(("sec-fetch-site", "same-origin")), None);
        assert_eq!(post(("sec-fetch-site", "cross-site")), Some("SEG0332"));
        for origin in ["https://evil.example", "null", "file://", "http://localhost@evil.example"] {
            assert_eq!(post(("origin", origin)), Some("SEG0332"), "{origin}");
        }
        let get = [host, ("origin", "https://evil.example")];
        assert_eq!(refusal(&Method::GET, &get), None);
    }
}
