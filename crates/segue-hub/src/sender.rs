//! A link on which the client sends: to a hub, or requests to a control node.
//!
//! The client may send as many deliveries as it has credit; it gets [`CREDIT`] and a refill when
//! half of that is used. A delivery may come in several frames and is put together here; what
//! happens to it depends on the node.

use bytes::{Bytes, BytesMut};
use segue_amqp::frame::{Flow, Transfer};
use segue_amqp::message::{EventNumber, MESSAGE_FORMAT, Numbering, Publication};
use segue_log::Append;

use crate::MESSAGE_BYTES_MAX;
use crate::event_hub::EventHub;
use crate::refusal::Refusal;

/// Deliveries that a client may send before it is granted more, as the service grants them.
const CREDIT: u32 = 1000;

/// A request to a control node: a token or a name, never an event.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Where a link's deliveries go.
pub(crate) enum Destination {
    /// To a hub.
    EventHub { hub: EventHub, route: Route },
    /// To `$cbs`.
    Cbs,
    /// To `$management`.
    Management,
}

/// How events find their partition.
#[derive(Clone, Copy)]
pub(crate) enum Route {
    /// By key, or in turn.
    Any,
    /// They go to this one.
    Partition(u16),
    /// They go to this one, from an idempotent producer that was told this of its last event.
    Numbered { partition: u16, last: EventNumber },
}

/// One such link.
pub(crate) struct SenderLink {
    handle: u32,
    destination: Destination,
    delivery_count: u32,
    credit: u32,
    unfinished: Option<Unfinished>,
}

/// A delivery of which more frames are to come.
struct Unfinished {
    id: u32,
    format: u32,
    settled: bool,
    message: BytesMut,
}

/// A complete delivery.
pub(crate) struct Delivery {
    /// Its number in the session; none if the client wants no answer.
    pub(crate) id: Option<u32>,
    format: u32,
    /// One encoded message, or a batch of them.
    pub(crate) message: Bytes,
}

impl SenderLink {
    /// A link that begins with credit, for whose first delivery the client has this number.
    pub(crate) fn new(handle: u32, destination: Destination, delivery_count: u32) -> SenderLink {
        SenderLink { handle, destination, delivery_count, credit: CREDIT, unfinished: None }
    }

    /// Where it leads.
    pub(crate) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// What an idempotent producer is told of itself.
    pub(crate) fn numbering(&self) -> Option<Numbering> {
        match &self.destination {
            Destination::EventHub { route: Route::Numbered { last, .. }, .. } => {
                Some(Numbering::from(*last))
            }
            Destination::EventHub { .. } | Destination::Cbs | Destination::Management => None,
        }
    }

    /// Takes one frame; the delivery, if it is complete.
    ///
    /// # Errors
    /// A message above the limit, or a first frame without a number: the link must go.
    pub(crate) fn receive(
        &mut self,
        transfer: &Transfer,
        payload: Bytes,
    ) -> Result<Option<Delivery>, Refusal> {
        if transfer.aborted {
            self.unfinished = None;
            self.count_delivery();
            return Ok(None);
        }
        let mut delivery = match self.unfinished.take() {
            Some(unfinished) => unfinished,
            None => begin(transfer)?,
        };
        delivery.settled |= transfer.settled == Some(true);
        let size = delivery.message.len() + payload.len();
        let size_max = self.message_bytes_max();
        if size > size_max {
            return Err(Refusal::message_too_large(size, size_max));
        }
        if transfer.more {
            delivery.message.extend_from_slice(&payload);
            self.unfinished = Some(delivery);
            return Ok(None);
        }
        self.count_delivery();
        let message = if delivery.message.is_empty() {
            payload
        } else {
            delivery.message.extend_from_slice(&payload);
            delivery.message.freeze()
        };
        let id = (!delivery.settled).then_some(delivery.id);
        Ok(Some(Delivery { id, format: delivery.format, message }))
    }

    fn message_bytes_max(&self) -> usize {
        match self.destination {
            Destination::EventHub { .. } => MESSAGE_BYTES_MAX,
            Destination::Cbs | Destination::Management => REQUEST_BYTES_MAX,
        }
    }

    fn count_delivery(&mut self) {
        self.delivery_count = self.delivery_count.wrapping_add(1);
        self.credit = self.credit.saturating_sub(1);
    }

    /// Whether the client should be granted more.
    pub(crate) fn needs_credit(&self) -> bool {
        self.credit <= CREDIT / 2
    }

    /// Grants credit: the link's part of a flow.
    pub(crate) fn grant_credit(&mut self) -> Flow {
        self.credit = CREDIT;
        Flow {
            handle: Some(self.handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.credit),
            ..Flow::default()
        }
    }
}

fn begin(transfer: &Transfer) -> Result<Unfinished, Refusal> {
    let id = transfer.delivery_id.ok_or_else(|| {
        Refusal::decode_error("The first transfer of a delivery has no delivery-id.")
    })?;
    Ok(Unfinished {
        id,
        format: transfer.message_format.unwrap_or(MESSAGE_FORMAT),
        settled: false,
        message: BytesMut::new(),
    })
}

/// Appends what a delivery holds to a partition: all of it or nothing. No append when it has been
/// there for some time.
///
/// # Errors
/// What is no message, what the log does not take, and numbered events whose turn it is not.
pub(crate) fn publish(
    hub: &EventHub,
    route: Route,
    delivery: &Delivery,
) -> Result<Option<Append>, Refusal> {
    let publication = Publication::open(delivery.format, &delivery.message)
        .map_err(|error| Refusal::decode_error(format!("{error}.")))?;
    let partition = match (route, publication.partition_key) {
        (Route::Numbered { partition, .. }, _) => {
            let first = first_number(&publication.messages)?;
            return hub.append_numbered(partition, first, &publication.messages);
        }
        (Route::Partition(partition), _) => partition,
        (Route::Any, Some(key)) => hub.partition_for_key(key),
        (Route::Any, None) => hub.next_partition(),
    };
    hub.append(partition, &publication.messages).map(Some).map_err(|error| Refusal::from(&error))
}

/// The number of the first of these events, which must have consecutive ones.
fn first_number(messages: &[&[u8]]) -> Result<EventNumber, Refusal> {
    let numbers = messages.iter().map(|message| EventNumber::of_message(message));
    let numbers: Vec<_> = numbers
        .collect::<Result<_, _>>()
        .map_err(|error| Refusal::decode_error(format!("{error}.")))?;
    let first = numbers.first().copied().flatten().filter(|first| {
        let mut places = numbers.iter().enumerate();
        places.all(|(place, number)| *number == Some(first.after(place)))
    });
    first.ok_or_else(|| {
        Refusal::invalid_argument(
            "Events of an idempotent producer need its id, its epoch and consecutive sequence \
             numbers as message annotations.",
        )
    })
}
