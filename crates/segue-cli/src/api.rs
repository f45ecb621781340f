//! The client of a running server's HTTP interface, for the commands that need one.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use futures_util::StreamExt;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

const NOT_JSON: &str = "the server's answer is not JSON: is it Segue?";

/// Where the server is, and who asks.
#[derive(Args, Clone, Debug)]
pub(crate) struct Server {
    /// Address of the running server
    #[arg(long, env = "SEGUE_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Access token, when the server asks for one
    #[arg(long, env = "SEGUE_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// The path of `segments` under `/api`, each escaped.
pub(crate) fn path(segments: &[&str]) -> anyhow::Result<String> {
    let mut url = reqwest::Url::parse("http://server/api")?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.extend(segments);
    }
    Ok(url.path().to_owned())
}

/// A path with parameters, escaped.
pub(crate) fn with_parameters(path: &str, parameters: &[(&str, String)]) -> anyhow::Result<String> {
    let mut url = reqwest::Url::parse("http://server")?.join(path)?;
    url.query_pairs_mut().extend_pairs(parameters);
    Ok(format!("{}?{}", url.path(), url.query().unwrap_or_default()))
}

/// An answer that is not a success: the problem document's words, for the user.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    problem: Value,
}

impl Refusal {
    /// The request was too large.
    pub(crate) fn is_too_large(&self) -> bool {
        self.status == StatusCode::PAYLOAD_TOO_LARGE
    }

    /// There is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// What went wrong, in a few words.
    pub(crate) fn title(&self) -> String {
        let title = self.text("title").unwrap_or("the server refused");
        format!("{title} ({})", self.status.as_u16())
    }

    /// What went wrong, and what to do.
    pub(crate) fn detail(&self) -> &str {
        self.text("detail").unwrap_or_default()
    }

    /// Each rule that was broken: a JSON pointer to the place, and a message.
    pub(crate) fn violations(&self) -> impl Iterator<Item = (&str, &str)> {
        let violations = self.problem.get("violations").and_then(Value::as_array);
        violations.into_iter().flatten().map(|violation| {
            let field = |key: &str| violation.get(key).and_then(Value::as_str).unwrap_or_default();
            (field("pointer"), field("message"))
        })
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.problem.get(key).and_then(Value::as_str)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}", self.title())?;
        if !self.detail().is_empty() {
            write!(out, ": {}", self.detail())?;
        }
        for (pointer, message) in self.violations() {
            write!(out, "\n  {pointer}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// One connection pool to the server.
pub(crate) struct Client {
    http: reqwest::Client,
    server: Server,
}

impl Client {
    /// A client for `server`; nothing is sent yet.
    pub(crate) fn new(server: Server) -> Self {
        Self { http: reqwest::Client::new(), server }
    }

    /// A client without a token, for the server at `url`.
    pub(crate) fn at(url: String) -> Self {
        Self::new(Server { url, token: None })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.server.url.trim_end_matches('/'));
        let request = self.http.request(method, url);
        match &self.server.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Reads a document.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.document(self.request(Method::GET, path)).await
    }

    /// Deletes what `path` names.
    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.document(self.request(Method::DELETE, path)).await
    }

    /// Posts a document and reads the answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.document(self.request(Method::POST, path).json(body)).await
    }

    /// Asks for something to be done that needs no document.
    pub(crate) async fn act(&self, path: &str) -> anyhow::Result<Value> {
        self.document(self.request(Method::POST, path)).await
    }

    /// Posts events or records as lines of JSON, again for as long as the server asks to wait,
    /// which `waiting` hears each time. A mixed or refused batch is an answer, not an error: it
    /// says per item what happened.
    pub(crate) async fn post_lines(
        &self,
        path: &str,
        lines: bytes::Bytes,
        waiting: impl Fn(&Refusal),
    ) -> anyhow::Result<Value> {
        loop {
            let request = self.request(Method::POST, path);
            let request = request.header("content-type", "application/x-ndjson");
            let response = self.send(request.body(lines.clone())).await?;
            let (status, wait) = (response.status(), wait_asked_for(&response));
            let problem = body(response).await?;
            if status.is_success() || problem.get("items").is_some() {
                return Ok(problem);
            }
            let refusal = Refusal { status, problem };
            match wait {
                Some(wait) => {
                    waiting(&refusal);
                    tokio::time::sleep(wait).await;
                }
                None => return Err(refusal.into()),
            }
        }
    }

    /// Posts a document to what goes over all profiles; `progress` hears how many of how many it
    /// has looked at.
    pub(crate) async fn post_survey(
        &self,
        path: &str,
        body: &Value,
        mut progress: impl FnMut(u64, u64),
    ) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, path).json(body);
        let response = self.send(request.header("accept", "application/x-ndjson")).await?;
        let status = response.status();
        if !status.is_success() {
            bail!(Refusal { status, problem: self::body(response).await? });
        }
        let (mut chunks, mut text) = (response.bytes_stream(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            text.extend_from_slice(&chunk.context("the server's answer broke off")?);
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                let mut line: Value = serde_json::from_slice(&line).context(NOT_JSON)?;
                let number = |name: &str| line.pointer(name).and_then(Value::as_u64);
                if let Some((looked_at, of)) =
                    number("/progress/lookedAt").zip(number("/progress/of"))
                {
                    progress(looked_at, of);
                } else if let Some(problem) = line.get_mut("problem") {
                    let status = StatusCode::INTERNAL_SERVER_ERROR;
                    bail!(Refusal { status, problem: problem.take() });
                } else if let Some(result) = line.get_mut("result") {
                    return Ok(result.take());
                }
            }
        }
        bail!("the server's answer broke off; ask again")
    }

    /// Reads an answer that is no document, as it comes.
    pub(crate) async fn download(
        &self,
        path: &str,
    ) -> anyhow::Result<impl futures_util::Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin>
    {
        let response = self.send(self.request(Method::GET, path)).await?;
        let status = response.status();
        if !status.is_success() {
            bail!(Refusal { status, problem: body(response).await? });
        }
        Ok(Box::pin(response.bytes_stream()))
    }

    async fn document(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let response = self.send(request).await?;
        let status = response.status();
        let value = body(response).await?;
        if !status.is_success() {
            bail!(Refusal { status, problem: value });
        }
        Ok(value)
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        request.send().await.with_context(|| {
            format!(
                "no server answers at {}: start one with `segue serve`, or name it with --url",
                self.server.url
            )
        })
    }
}

/// How long a busy server asks to wait before the same request is sent again.
fn wait_asked_for(response: &Response) -> Option<Duration> {
    let busy = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
    let seconds = response.headers().get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = seconds.parse().ok()?;
    busy.contains(&response.status()).then(|| Duration::from_secs(seconds))
}

/// The answer's JSON; an empty body reads as null.
async fn body(response: Response) -> anyhow::Result<Value> {
    let bytes = response.bytes().await?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).context(NOT_JSON)
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_are_escaped_in_paths() {
        let path = super::path(&["profiles", "email", "a/b@x.com?"]).unwrap();
        assert_eq!(path, "/api/profiles/email/a%2Fb@x.com%3F");
    }
}
