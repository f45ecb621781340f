//! Authentication before the connection opens: mechanisms, init, outcome.

use super::fields::{Fields, put_frame, put_text};
use super::performative::{SASL, code};
use crate::codec::{Array, DecodeError, Decoder, put};

/// The mechanisms that a server offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslMechanisms {
    /// Their names.
    pub mechanisms: Vec<String>,
}

impl SaslMechanisms {
    /// Appends the frame to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_frame(out, (SASL, 0), (code::SASL_MECHANISMS, 1), |out| {
            put::array(out, &Array::symbols(&self.mechanisms));
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<SaslMechanisms, DecodeError> {
        Ok(SaslMechanisms { mechanisms: fields.names()? })
    }
}

/// The mechanism that a client chose. Its debug output leaves out the response, which may hold a
/// password.
#[derive(Clone, Default, PartialEq)]
pub struct SaslInit {
    /// Name of the mechanism.
    pub mechanism: String,
    /// What the mechanism wants to know; for PLAIN `\0user\0password`.
    pub initial_response: Option<Vec<u8>>,
    /// Host that the client wants to reach.
    pub hostname: Option<String>,
}

impl SaslInit {
    /// Appends the frame to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_frame(out, (SASL, 0), (code::SASL_INIT, 3), |out| {
            put::symbol(out, &self.mechanism);
            put::optional(out, self.initial_response.as_deref(), put::binary);
            put_text(out, self.hostname.as_deref());
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<SaslInit, DecodeError> {
        Ok(SaslInit {
            mechanism: fields.text()?.ok_or(DecodeError::Missing("mechanism"))?,
            initial_response: fields.optional(Decoder::binary)?.map(<[u8]>::to_vec),
            hostname: fields.text()?,
        })
    }
}

impl std::fmt::Debug for SaslInit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let response_bytes = self.initial_response.as_ref().map(Vec::len);
        formatter
            .debug_struct("SaslInit")
            .field("mechanism", &self.mechanism)
            .field("initial_response_bytes", &response_bytes)
            .field("hostname", &self.hostname)
            .finish()
    }
}

/// How authentication ended (AMQP 1.0, part 5, section 5.3.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslCode {
    /// The client may go on.
    Ok,
    /// The credentials are wrong.
    Auth,
    /// The server failed, with this code.
    System(u8),
}

/// Whether the client may go on.
#[derive(Clone, Debug, PartialEq)]
pub struct SaslOutcome {
    /// The result.
    pub code: SaslCode,
    /// What the server says besides; Event Hubs says `Welcome!`.
    pub additional_data: Option<Vec<u8>>,
}

impl SaslOutcome {
    /// Appends the frame to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_frame(out, (SASL, 0), (code::SASL_OUTCOME, 2), |out| {
            put::ubyte(
                out,
                match self.code {
                    SaslCode::Ok => 0,
                    SaslCode::Auth => 1,
                    SaslCode::System(code) => code,
                },
            );
            put::optional(out, self.additional_data.as_deref(), put::binary);
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<SaslOutcome, DecodeError> {
        Ok(SaslOutcome {
            code: match fields.required("code")? {
                0 => SaslCode::Ok,
                1 => SaslCode::Auth,
                code => SaslCode::System(code),
            },
            additional_data: fields.optional(Decoder::binary)?.map(<[u8]>::to_vec),
        })
    }
}
