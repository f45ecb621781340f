//! What senders to services have in common that keep records by key: Event Hubs, Kafka, Kinesis.

use std::fmt::Write as _;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::sender::{Exchange, OutboundMessage, PayloadForm, Sender, Sent, Terms};

/// Sends records to one place.
pub(super) trait RecordSender: Send + Sync {
    /// What it takes at a time.
    const TERMS: Terms;

    /// Sends a batch, as [`Sender::send`] must.
    fn deliver(&self, batch: &[OutboundMessage]) -> impl Future<Output = Sent> + Send;

    /// What a test shows above the properties: where a message goes, and its key.
    fn head(&self, message: &OutboundMessage) -> String;
}

impl<S: RecordSender> Sender for S {
    fn terms(&self) -> Terms {
        S::TERMS
    }

    fn send<'a>(&'a self, batch: &'a [OutboundMessage]) -> BoxFuture<'a, Sent> {
        self.deliver(batch).boxed()
    }

    fn test<'a>(&'a self, message: &'a OutboundMessage) -> BoxFuture<'a, Exchange> {
        async move {
            let sent = self.deliver(std::slice::from_ref(message)).await;
            Exchange::of(shown(self, message), sent)
        }
        .boxed()
    }
}

fn shown<S: RecordSender>(sender: &S, message: &OutboundMessage) -> String {
    let mut text = sender.head(message);
    // A line has its properties in it. Writing into a string cannot fail.
    if S::TERMS.payload == PayloadForm::Body {
        for (name, value) in &message.properties {
            let _ = write!(text, "\n{name}: {value}");
        }
    }
    let _ = write!(text, "\n\n{}", String::from_utf8_lossy(&message.payload));
    text
}
