//! What is served from the binary itself: the shop's pages and the pages of error codes.

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::{Embed, EmbeddedFile};

use crate::problem::{self, Problem};

/// The shop of the demo, without its definitions (the CLI applies those).
#[derive(Embed)]
#[folder = "../../examples/shop/"]
#[include = "*.html"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
struct Shop;

/// One page for each error code of the whole system.
#[derive(Embed)]
#[folder = "../../docs/errors/"]
#[include = "*.md"]
struct ErrorPages;

/// Scripts, styles and pictures only from here, and no framing: the pages need nothing else.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

/// `/shop/`, and `/` leads there.
pub(crate) fn shop<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(Redirect::temporary("/shop/")))
        .route("/shop", get(Redirect::temporary("/shop/")))
        .route("/shop/", get(shop_file))
        .route("/shop/{*path}", get(shop_file))
}

/// `GET /errors/{code}`: the page that a problem's `type` names.
pub(crate) async fn error_page(
    code: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(code) = code?;
    let name = format!("{}.md", code.trim_end_matches(".md").to_uppercase());
    let page = ErrorPages::get(&name).ok_or_else(|| {
        let detail = format!("there is no error code {code}; the codes look like SEG0301");
        Problem::new(&problem::NOT_FOUND, detail)
    })?;
    Ok(answer(&name, &page, &headers))
}

async fn shop_file(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let name = match uri.path().strip_prefix("/shop/").unwrap_or_default() {
        "" => "index.html",
        name => name,
    };
    let file = Shop::get(name).ok_or_else(|| {
        let detail = format!("the shop has no page {name}; its first one is /shop/");
        Problem::new(&problem::UNKNOWN_PATH, detail)
    })?;
    Ok(answer(name, &file, &headers))
}

/// The file, or 304 when the client already has this content.
fn answer(path: &str, file: &EmbeddedFile, request: &HeaderMap) -> Response {
    let hash: String =
        file.metadata.sha256_hash().iter().map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let known = request.get(header::IF_NONE_MATCH).is_some_and(|value| value == etag.as_str());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file.data.clone().into_response()
    };
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, content_type(path)),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("md") => "text/markdown; charset=utf-8",
        _ => "application/octet-stream",
    }
}
