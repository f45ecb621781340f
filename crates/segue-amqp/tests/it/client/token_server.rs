//! A mock of Azure's identity services: it answers as told, and keeps what it was asked, for the
//! tests to hold against Microsoft's documentation. No test here speaks to Azure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    /// Fields of the query, or of the form.
    pub(crate) fields: HashMap<String, String>,
}

impl Asked {
    #[track_caller]
    pub(crate) fn check(&self, line: &str, fields: &[(&str, &str)]) {
        assert_eq!(self.line, line);
        for (name, value) in fields {
            assert_eq!(self.fields.get(*name).map(String::as_str), Some(*value), "{name}");
        }
        assert_eq!(self.fields.len(), fields.len(), "{:?}", self.fields);
    }
}

/// The server; it ends with the test's runtime.
pub(crate) struct TokenServer {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl TokenServer {
    /// Gives these answers in turn, the last one for ever.
    pub(crate) async fn start(answers: &'static [(u16, &'static str)]) -> TokenServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            for turn in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let asked = read(&mut stream).await;
                kept.lock().unwrap().push(asked);
                let (status, body) = answers[turn.min(answers.len() - 1)];
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} told\r\nContent-Length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        TokenServer { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> Asked {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let (line, rest) = head.split_once("\r\n").unwrap();
    let headers: HashMap<_, _> = rest
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let line = line.strip_suffix(" HTTP/1.1").unwrap();
    let (line, query) = line.split_once('?').unwrap_or((line, ""));
    let form = if query.is_empty() { std::str::from_utf8(&body).unwrap() } else { query };
    let decoded = |text| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let fields = form.split('&').filter_map(|field| field.split_once('='));
    let fields = fields.map(|(name, value)| (decoded(name), decoded(value))).collect();
    Asked { line: line.to_owned(), headers, fields }
}
