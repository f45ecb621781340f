//! Whose trace something belongs to, as W3C Trace Context has it. The core carries it along, from
//! the input to the activations that it causes, and decides nothing by it.
//!
//! ```text
//! traceparent   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//!               version  trace                     span             flags, of which 1: sampled
//! ```

use std::fmt;

use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::ActivationId;

/// A place in a trace: a span of it that others can be children of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceContext {
    /// The trace; not 0.
    pub trace: u128,
    /// The span; not 0.
    pub span: u64,
    /// Whether who began the trace wants it recorded.
    pub is_sampled: bool,
}

impl TraceContext {
    /// Reads a `traceparent`; `None` for what is none, which is to be passed over.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<TraceContext> {
        let mut fields = traceparent.split('-');
        let mut field = |digits: usize| {
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let text = fields.next()?;
            let is_number = text.len() == digits && text.bytes().all(is_digit);
            u128::from_str_radix(text, 16).ok().filter(|_| is_number)
        };
        let version = field(2).filter(|version| *version != 0xff)?;
        let trace = field(32).filter(|trace| *trace != 0)?;
        let span = field(16).filter(|span| *span != 0)?;
        let flags = field(2)?;
        // Later versions may have more fields; of these four the meaning stays.
        let is_known = version > 0 || fields.next().is_none();
        let span = u64::try_from(span).ok()?;
        is_known.then_some(TraceContext { trace, span, is_sampled: flags & 1 == 1 })
    }

    /// Whether the message with this id began the trace, since nothing that is traced caused it.
    #[must_use]
    pub fn is_begun_by(self, message: ActivationId) -> bool {
        self.trace == message.own_trace()
    }

    pub(crate) fn write(self, writer: &mut Writer) {
        writer.u128(self.trace);
        writer.u128(self.span.into());
        writer.bool(self.is_sampled);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<TraceContext, DecodeError> {
        let (trace, span) = (reader.u128()?, reader.u128()?);
        let span = u64::try_from(span).map_err(|error| reader.invalid(error))?;
        Ok(TraceContext { trace, span, is_sampled: reader.bool()? })
    }
}

/// As a `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceContext { trace, span, is_sampled } = *self;
        write!(f, "00-{trace:032x}-{span:016x}-{:02x}", u8::from(is_sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_reads_back() {
        let context = TraceContext::parse(GIVEN).unwrap();
        assert!(context.is_sampled);
        assert_eq!(context.to_string(), GIVEN);
        let unsampled = TraceContext { is_sampled: false, ..context };
        assert_eq!(TraceContext::parse(&unsampled.to_string()), Some(unsampled));
        let later = GIVEN.replacen("00", "01", 1);
        assert_eq!(TraceContext::parse(&format!("{later}-more")), Some(context));
    }

    #[test]
    fn what_is_no_traceparent_is_passed_over() {
        let zeros = |digits: usize| "0".repeat(digits);
        for text in [
            "",
            "00",
            &GIVEN[..54],
            &format!("{GIVEN}-more"),
            &GIVEN.to_uppercase(),
            &GIVEN.replacen("00", "ff", 1),
            &GIVEN.replace("4bf92f3577b34da6a3ce929d0e0e4736", &zeros(32)),
            &GIVEN.replace("00f067aa0ba902b7", &zeros(16)),
            &GIVEN.replace("00f067aa0ba902b7", "+0f067aa0ba902b7"),
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }
}
