//! Signing in to a broker: by name and password as they are, or by a proof that one knows the
//! password (SCRAM).

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use segue_core::connection::KafkaMechanism;

use super::access::Sasl;
use super::connection::Connection;
use super::error::KafkaError;
use super::scram::{Hash, Scram};

/// Signs in.
pub(super) async fn sign_in(connection: &mut Connection, who: &Sasl) -> Result<(), KafkaError> {
    let mechanism = match who.mechanism {
        KafkaMechanism::Plain => "PLAIN",
        KafkaMechanism::ScramSha256 => "SCRAM-SHA-256",
        KafkaMechanism::ScramSha512 => "SCRAM-SHA-512",
    };
    let handshake =
        SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
    let answer = connection.ask(&handshake).await?;
    if ResponseError::try_from_code(answer.error_code).is_some() {
        let known: Vec<&str> = answer.mechanisms.iter().map(StrBytes::as_str).collect();
        let problem = format!("it does not know {mechanism}, but {}", known.join(", "));
        return Err(unauthorized(connection, who, problem));
    }
    let hash = match who.mechanism {
        KafkaMechanism::Plain => {
            let both = format!("\0{}\0{}", who.username, who.password);
            return authenticate(connection, who, both).await.map(drop);
        }
        KafkaMechanism::ScramSha256 => Hash::Sha256,
        KafkaMechanism::ScramSha512 => Hash::Sha512,
    };
    let scram = Scram::new(hash, &who.username, &who.password);
    let scram = scram.map_err(|problem| unauthorized(connection, who, problem))?;
    let challenge = authenticate(connection, who, scram.first()).await?;
    let proof = scram.prove(&challenge);
    let proof = proof.map_err(|problem| unauthorized(connection, who, problem))?;
    let answer = authenticate(connection, who, proof.message.clone()).await?;
    proof.verify(&answer).map_err(|problem| unauthorized(connection, who, problem))
}

async fn authenticate(
    connection: &mut Connection,
    who: &Sasl,
    message: String,
) -> Result<Bytes, KafkaError> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(message.into());
    let answer = connection.ask(&request).await?;
    match ResponseError::try_from_code(answer.error_code) {
        None => Ok(answer.auth_bytes),
        Some(code) => {
            let said = answer.error_message.map(|said| said.to_string());
            Err(unauthorized(connection, who, said.unwrap_or_else(|| code.to_string())))
        }
    }
}

fn unauthorized(connection: &Connection, who: &Sasl, problem: String) -> KafkaError {
    let (broker, username) = (connection.broker().to_owned(), who.username.clone());
    KafkaError::Unauthorized { broker, username, problem }
}
