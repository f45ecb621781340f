//! Messages as lines of JSON, for destinations on this machine.

use std::io;

use crate::sender::{Exchange, OutboundMessage, PayloadForm, SendError, Sent, Terms, Verdict};

/// One batch at a time, because there is one place to write to; as many messages as are worth one
/// sync.
pub(super) const TERMS: Terms = Terms {
    messages: 1000,
    batch_bytes: 1 << 20,
    message_bytes: usize::MAX,
    in_flight: 1,
    payload: PayloadForm::JsonLine,
};

/// The lines of a batch, each with its end.
pub(super) fn lines(batch: &[OutboundMessage]) -> Vec<Vec<u8>> {
    batch.iter().map(|message| [&*message.payload, b"\n"].concat()).collect()
}

/// Writes lines away from the threads that serve connections.
pub(super) async fn write(
    lines: Vec<Vec<u8>>,
    write: impl FnOnce(&[Vec<u8>]) -> io::Result<()> + Send + 'static,
) -> Sent {
    let count = lines.len();
    let written = tokio::task::spawn_blocking(move || write(&lines)).await;
    match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(()) => Ok(vec![Verdict::Taken; count]),
        Err(error) => Err(SendError::unavailable(error.to_string())),
    }
}

/// What a test shows.
pub(super) fn exchange(place: &str, message: &OutboundMessage, sent: Sent) -> Exchange {
    let line = String::from_utf8_lossy(&message.payload);
    let is_taken = sent.is_ok();
    Exchange {
        request: format!("a line for {place}\n{line}"),
        answer: sent.map_or_else(|error| error.to_string(), |_| "written".to_owned()),
        is_taken,
    }
}
