//! `type: http`: requests to a server, one message each or several as a JSON array.
//!
//! ```text
//!   POST <url>                          one message            several
//!   content-type: application/json      body: the payload      body: [payload, …]
//!   segue-activation-id: …              yes, and the other     no: they are in the payloads
//!                                       properties
//!   authorization, signature, the user's own headers: both
//! ```
//! | Module | Holds |
//! |---|---|
//! | `answer` | what an answer means for the messages |
//! | `client` | TLS: roots, client certificates |
//! | `signature` | the HMAC of time and body |
//! | `token` | OAuth 2 client credentials, with a cache |

mod answer;
mod client;
mod signature;
mod token;

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url};
use segue_core::connection::Http;
use segue_core::variables::{Lookup, fill_in};
use segue_xdm::{Violation, child_pointer};

use self::answer::Answer;
pub(super) use self::answer::{body, in_words};
pub(super) use self::client::builder as client_builder;
use self::signature::Signature;
use self::token::TokenServer;
use super::OpenError;
use crate::sender::{
    Exchange, OutboundMessage, PayloadForm, SendError, Sender, Sent, Terms, Verdict,
};

/// What a header cannot hold; in properties it is percent-encoded.
const NOT_IN_HEADERS: &AsciiSet = CONTROLS;

/// What is wrong with a connection that only shows when it is used.
pub(super) fn check(http: &Http) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut refuse = |pointer: String, problem: String| {
        violations.push(Violation::new(pointer, "format", problem));
    };
    let token_url = http.auth.oauth2.as_ref().map(|oauth2| &oauth2.token_url);
    let addresses =
        [("/connection/url", Some(&http.url)), ("/connection/auth/oauth2/token_url", token_url)];
    for (pointer, url) in addresses {
        if let Some(Err(error)) = url.map(|url| Url::parse(url)) {
            refuse(pointer.to_owned(), format!("it is no address: {error}"));
        }
    }
    let names = http.headers.keys().map(|name| (child_pointer("/connection/headers", name), name));
    let signature = http.auth.hmac.as_ref();
    let signature = signature.map(|hmac| ("/connection/auth/hmac/header".to_owned(), &hmac.header));
    for (pointer, name) in names.chain(signature) {
        if name.parse::<HeaderName>().is_err() {
            refuse(pointer, format!("`{name}` is no name of a header"));
        }
    }
    violations
}

/// A header whose value is known before any message is.
struct Standing {
    name: HeaderName,
    value: HeaderValue,
    /// The value with the names of secrets in place of secrets.
    shown: String,
}

/// Requests to one server.
pub(super) struct HttpSender {
    client: Client,
    method: Method,
    url: Url,
    terms: Terms,
    standing: Vec<Standing>,
    tokens: Option<TokenServer>,
    signature: Option<Signature>,
}

/// A request, ready but for a token.
struct Request {
    headers: HeaderMap,
    body: Bytes,
}

impl HttpSender {
    /// Looks up the secrets and reads the certificates.
    pub(super) fn open(http: &Http, lookup: Lookup<'_>) -> Result<HttpSender, OpenError> {
        let invalid = |what: &str, error: &dyn ToString| {
            OpenError::Connection(format!("{what}: {}", error.to_string()))
        };
        let url = Url::parse(&http.url).map_err(|error| invalid("the url", &error))?;
        let client = client::client(http)?;
        let mut standing = Vec::new();
        let bearer = http.auth.bearer.as_ref().map(|secret| format!("Bearer {secret}"));
        let bearer = bearer.as_ref().map(|text| (AUTHORIZATION.as_str(), text));
        let own = http.headers.iter().map(|(name, text)| (name.as_str(), text));
        for (name, shown) in own.chain(bearer) {
            let value = fill_in(shown, lookup)?;
            let header: HeaderName = name.parse().map_err(|error| invalid(name, &error))?;
            let value = value.trim().parse::<HeaderValue>();
            let mut value = value.map_err(|_| invalid(name, &"its value fits no header"))?;
            // Nobody who logs headers shows it.
            value.set_sensitive(shown.contains("${"));
            standing.push(Standing { name: header, value, shown: shown.clone() });
        }
        let tokens = http.auth.oauth2.as_ref();
        let tokens = tokens.map(|oauth2| TokenServer::new(oauth2, client.clone(), lookup));
        let signature = http.auth.hmac.as_ref().map(|hmac| Signature::new(hmac, lookup));
        let (count, bytes) = (http.batch_size as usize, http.batch_bytes as usize);
        Ok(HttpSender {
            client,
            method: http.method.as_str().parse().map_err(|error| invalid("the method", &error))?,
            url,
            terms: Terms {
                messages: count,
                batch_bytes: bytes,
                message_bytes: bytes,
                in_flight: http.in_flight as usize,
                payload: if count > 1 { PayloadForm::JsonLine } else { PayloadForm::Body },
            },
            standing,
            tokens: tokens.transpose()?,
            signature: signature.transpose()?,
        })
    }

    fn request(&self, batch: &[OutboundMessage]) -> Request {
        let body = match (self.terms.payload, batch) {
            (PayloadForm::Body, [message]) => message.payload.clone(),
            _ => array(batch),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let (PayloadForm::Body, [message]) = (self.terms.payload, batch) {
            for (name, value) in &message.properties {
                let value = utf8_percent_encode(value, NOT_IN_HEADERS).to_string();
                if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                    headers.insert(name, value);
                }
            }
        }
        for Standing { name, value, .. } in &self.standing {
            headers.insert(name, value.clone());
        }
        if let Some(signature) = &self.signature {
            let (name, value) = signature.header(&body, jiff::Timestamp::now().as_second());
            headers.insert(name, value);
        }
        Request { headers, body }
    }

    /// Sends a request. A token that the server does not know any more is replaced once.
    async fn exchange(&self, request: &Request) -> Result<Answer, SendError> {
        let answer = self.attempt(request).await?;
        if let (Some(tokens), StatusCode::UNAUTHORIZED) = (&self.tokens, answer.status) {
            tokens.forget().await;
            return self.attempt(request).await;
        }
        Ok(answer)
    }

    async fn attempt(&self, request: &Request) -> Result<Answer, SendError> {
        let mut sent = self.client.request(self.method.clone(), self.url.clone());
        sent = sent.headers(request.headers.clone()).body(request.body.clone());
        if let Some(tokens) = &self.tokens {
            sent = sent.bearer_auth(tokens.token().await?);
        }
        Answer::read(sent.send().await).await
    }

    /// A request in text, with the names of secrets in place of secrets.
    fn shown(&self, request: &Request) -> String {
        let mut text = format!("{} {}", self.method, self.url);
        for (name, value) in &request.headers {
            let standing = self.standing.iter().find(|standing| standing.name == name);
            let value = String::from_utf8_lossy(value.as_bytes());
            let value = standing.map_or(&*value, |standing| &standing.shown);
            // Writing into a string cannot fail.
            let _ = write!(text, "\n{name}: {value}");
        }
        if let Some(tokens) = &self.tokens {
            let _ = write!(text, "\nauthorization: Bearer <token of {}>", tokens.url());
        }
        let _ = write!(text, "\n\n{}", String::from_utf8_lossy(&request.body));
        text
    }
}

impl Sender for HttpSender {
    fn terms(&self) -> Terms {
        self.terms
    }

    fn send<'a>(&'a self, batch: &'a [OutboundMessage]) -> BoxFuture<'a, Sent> {
        let request = self.request(batch);
        async move {
            self.exchange(&request).await?.verdict()?;
            Ok(vec![Verdict::Taken; batch.len()])
        }
        .boxed()
    }

    fn test<'a>(&'a self, message: &'a OutboundMessage) -> BoxFuture<'a, Exchange> {
        let request = self.request(std::slice::from_ref(message));
        async move {
            let answer = self.exchange(&request).await;
            let taken = answer.and_then(|answer| answer.verdict().map(|()| answer));
            Exchange {
                request: self.shown(&request),
                is_taken: taken.is_ok(),
                answer: taken.map_or_else(|error| error.to_string(), |answer| answer.to_string()),
            }
        }
        .boxed()
    }
}

/// The time that a whole request may take.
fn timeout(http: &Http) -> Duration {
    Duration::from_secs(u64::from(http.timeout_seconds))
}

fn array(batch: &[OutboundMessage]) -> Bytes {
    let payloads: Vec<&[u8]> = batch.iter().map(|message| &*message.payload).collect();
    [b"[".as_slice(), &payloads.join(b",".as_slice()), b"]"].concat().into()
}
