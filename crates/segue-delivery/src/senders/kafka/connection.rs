//! One connection to one broker: a request, its answer, and then the next request.
//!
//! ```text
//!   TCP, perhaps TLS ─▶ ApiVersions ─▶ SaslHandshake, SaslAuthenticate… ─▶ Metadata, Produce…
//!
//!   length (4 bytes) │ header: key, version, correlation id, client │ body        request
//!   length (4 bytes) │ header: correlation id                       │ body        answer
//! ```
//! Of each request, the newest version is used that the broker and Segue both know. Whoever gives
//! up in the midst of a request must not use the connection again.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiVersionsRequest, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use segue_amqp::stream::ByteStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::access::Access;
use super::error::KafkaError;
use super::requests::Request;
use super::sasl;

/// Longest time that connecting and signing in may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time to wait for an answer: more than a broker waits for its replicas.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of an answer: a topic with 100,000 partitions needs less.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Longest time that a broker may ask to be left alone.
const REST_MAX: Duration = Duration::from_secs(60);

pub(super) struct Connection {
    broker: String,
    stream: Box<dyn ByteStream>,
    /// What the broker understands.
    versions: Vec<ApiVersion>,
    /// Requests so far, which is the number of the next one.
    asked: i32,
    rests_until: Instant,
}

impl Connection {
    /// Connects, and signs in if somebody is to.
    pub(super) async fn open(access: &Access, broker: &str) -> Result<Connection, KafkaError> {
        let unreachable =
            |problem: String| Err(KafkaError::Unreachable { broker: broker.to_owned(), problem });
        let opening = async {
            let stream = match access.connect(broker).await {
                Ok(stream) => stream,
                Err(error) => return unreachable(error.to_string()),
            };
            let mut connection = Connection {
                broker: broker.to_owned(),
                stream,
                versions: Vec::new(),
                asked: 0,
                rests_until: Instant::now(),
            };
            let known = connection.exchange(&ApiVersionsRequest::default(), 0).await?;
            connection.versions = known.api_keys;
            if let Some(who) = &access.sasl {
                sasl::sign_in(&mut connection, who).await?;
            }
            Ok(connection)
        };
        let opened = timeout(CONNECT_TIMEOUT, opening).await;
        opened.unwrap_or_else(|_| unreachable(format!("not within {CONNECT_TIMEOUT:?}")))
    }

    /// Where it leads to.
    pub(super) fn broker(&self) -> &str {
        &self.broker
    }

    /// Asks, in the newest version that both sides know.
    pub(super) async fn ask<R: Request>(&mut self, request: &R) -> Result<R::Answer, KafkaError> {
        let theirs = self.versions.iter().find(|known| known.api_key == R::KEY as i16);
        let version = theirs.and_then(|theirs| {
            let version = theirs.max_version.min(*R::VERSIONS.end());
            (R::VERSIONS.contains(&version) && theirs.min_version <= version).then_some(version)
        });
        let version = version.ok_or_else(|| {
            self.unintelligible(format!("it has no {:?} of version {:?}", R::KEY, R::VERSIONS))
        })?;
        sleep_until(self.rests_until).await;
        let answered = timeout(ANSWER_TIMEOUT, self.exchange(request, version)).await;
        let answer =
            answered.map_err(|_| self.no_answer(format!("none in {ANSWER_TIMEOUT:?}")))??;
        let rest = Duration::from_millis(R::pause_ms(&answer).try_into().unwrap_or(0));
        self.rests_until = Instant::now() + rest.min(REST_MAX);
        Ok(answer)
    }

    async fn exchange<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<R::Answer, KafkaError> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(StrBytes::from_static_str("segue")));
        let frame = frame(&header, request, version);
        let frame = frame.map_err(|error| self.unintelligible(error.to_string()))?;
        self.asked = self.asked.wrapping_add(1);
        let mut answer = self.carry(&frame).await?;
        let of = ResponseHeader::decode(&mut answer, R::Answer::header_version(version))
            .map_err(|error| self.unintelligible(error.to_string()))?;
        if of.correlation_id != header.correlation_id {
            return Err(self.unintelligible("it answered another request".to_owned()));
        }
        R::Answer::decode(&mut answer, version)
            .map_err(|error| self.unintelligible(error.to_string()))
    }

    /// Writes a frame and reads the one that answers it.
    async fn carry(&mut self, frame: &[u8]) -> Result<Bytes, KafkaError> {
        let written = self.stream.write_all(frame).await;
        written.map_err(|error| self.broken(&error))?;
        self.stream.flush().await.map_err(|error| self.broken(&error))?;
        let length = self.stream.read_u32().await.map_err(|error| self.broken(&error))? as usize;
        if length > ANSWER_BYTES_MAX {
            let problem = "it is no Kafka broker, or its port wants TLS; check `security`";
            return Err(self.unintelligible(problem.to_owned()));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await.map_err(|error| self.broken(&error))?;
        Ok(answer.into())
    }

    fn broken(&self, error: &Error) -> KafkaError {
        match error.kind() {
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => {
                KafkaError::Closed { broker: self.broker.clone(), advice: "" }
            }
            _ => self.no_answer(error.to_string()),
        }
    }

    fn no_answer(&self, problem: String) -> KafkaError {
        KafkaError::NoAnswer { broker: self.broker.clone(), problem }
    }

    fn unintelligible(&self, problem: String) -> KafkaError {
        KafkaError::Unintelligible { broker: self.broker.clone(), problem }
    }
}

fn frame<R: Request>(
    header: &RequestHeader,
    request: &R,
    version: i16,
) -> Result<BytesMut, Box<dyn std::error::Error + Send + Sync>> {
    let header_version = R::header_version(version);
    let size = header.compute_size(header_version)? + request.compute_size(version)?;
    let mut frame = BytesMut::with_capacity(size + size_of::<u32>());
    frame.put_u32(size.try_into()?);
    header.encode(&mut frame, header_version)?;
    request.encode(&mut frame, version)?;
    Ok(frame)
}
