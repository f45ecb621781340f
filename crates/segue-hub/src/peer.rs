//! What all sessions of one connection share: what the client may do, what it is to be told, and
//! what it waits for.
//!
//! A delivery is accepted only when the log says that it is durable. Until then it waits here, in
//! the order of arrival, while the connection reads on:
//!
//! ```text
//! transfer ─▶ log.append ─▶ unsettled ─ ─ fsync ─ ─▶ disposition (one for a run of deliveries)
//! ```

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use segue_amqp::frame::{AmqpError, DeliveryState, Disposition, Role};
use segue_log::Append;

use crate::auth::Grants;
use crate::hub::Hub;
use crate::receivers::Mailbox;
use crate::refusal::Refusal;

/// Bytes that may wait for the disk before the connection stops reading: enough to keep a disk
/// busy, a quarter of what the log itself queues for a partition.
const UNSETTLED_BYTES_MAX: usize = 16 << 20;

/// One client, as its sessions and links see it.
pub(crate) struct Peer {
    /// The broker that it talks to.
    pub(crate) hub: Hub,
    /// What it has shown that it may do.
    pub(crate) grants: Grants,
    /// Where its receivers learn that they were displaced.
    pub(crate) mailbox: Arc<Mailbox>,
    /// Frames for it that have not been written yet.
    pub(crate) output: Vec<u8>,
    /// The largest frame that both sides take.
    pub(crate) frame_bytes_max: u32,
    /// The wall clock at the event that is being handled.
    pub(crate) now_ms: i64,
    unsettled: VecDeque<Unsettled>,
    unsettled_bytes: usize,
}

/// A delivery that the disk may not have yet.
struct Unsettled {
    channel: u16,
    /// None if the client wants no answer.
    delivery_id: Option<u32>,
    bytes: usize,
    append: Append,
}

impl Peer {
    pub(crate) fn new(hub: Hub, frame_bytes_max: u32) -> Peer {
        Peer {
            hub,
            grants: Grants::default(),
            mailbox: Arc::default(),
            output: Vec::new(),
            frame_bytes_max,
            now_ms: 0,
            unsettled: VecDeque::new(),
            unsettled_bytes: 0,
        }
    }

    /// Settles a delivery once `append` is durable.
    pub(crate) fn settle_when_durable(
        &mut self,
        channel: u16,
        delivery_id: Option<u32>,
        bytes: usize,
        append: Append,
    ) {
        self.unsettled_bytes += bytes;
        self.unsettled.push_back(Unsettled { channel, delivery_id, bytes, append });
    }

    /// Settles a delivery now.
    pub(crate) fn settle(&mut self, channel: u16, delivery_id: u32, result: Result<(), Refusal>) {
        let state = state(result);
        Run { channel, first: delivery_id, last: delivery_id, state }.encode(&mut self.output);
    }

    /// Nobody waits for the deliveries of this session any more.
    pub(crate) fn forget_deliveries(&mut self, channel: u16) {
        for delivery in &mut self.unsettled {
            if delivery.channel == channel {
                delivery.delivery_id = None;
            }
        }
    }

    /// Nobody waits for any delivery any more.
    pub(crate) fn forget_all_deliveries(&mut self) {
        self.unsettled.clear();
        self.unsettled_bytes = 0;
    }

    /// Tells the client about every delivery that has become durable; ready if there was any.
    pub(crate) fn poll_durable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut progress = Poll::Pending;
        let mut run: Option<Run> = None;
        while let Some(oldest) = self.unsettled.front_mut() {
            let Poll::Ready(result) = Pin::new(&mut oldest.append).poll(context) else {
                break;
            };
            progress = Poll::Ready(());
            let Some(done) = self.unsettled.pop_front() else {
                break;
            };
            self.unsettled_bytes -= done.bytes;
            let Some(delivery_id) = done.delivery_id else {
                continue;
            };
            let state = state(result.map_err(|error| Refusal::from(&error)));
            if run.as_mut().is_some_and(|run| run.extend(done.channel, delivery_id, &state)) {
                continue;
            }
            let next = Run { channel: done.channel, first: delivery_id, last: delivery_id, state };
            if let Some(run) = run.replace(next) {
                run.encode(&mut self.output);
            }
        }
        if let Some(run) = run {
            run.encode(&mut self.output);
        }
        progress
    }

    /// Whether every delivery has been settled.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// Whether so much waits for the disk that no more should be read.
    pub(crate) fn is_saturated(&self) -> bool {
        self.unsettled_bytes >= UNSETTLED_BYTES_MAX
    }
}

/// Consecutive deliveries with the same outcome: one disposition.
struct Run {
    channel: u16,
    first: u32,
    last: u32,
    state: DeliveryState,
}

impl Run {
    /// Takes in the next delivery if it continues the run.
    fn extend(&mut self, channel: u16, delivery_id: u32, state: &DeliveryState) -> bool {
        let follows = self.channel == channel
            && self.last.wrapping_add(1) == delivery_id
            && self.state == *state;
        if follows {
            self.last = delivery_id;
        }
        follows
    }

    fn encode(self, output: &mut Vec<u8>) {
        let disposition = Disposition {
            role: Role::Receiver,
            first: self.first,
            last: Some(self.last),
            settled: true,
            state: Some(self.state),
            batchable: false,
        };
        disposition.encode(self.channel, output);
    }
}

fn state(result: Result<(), Refusal>) -> DeliveryState {
    match result {
        Ok(()) => DeliveryState::Accepted,
        Err(refusal) => DeliveryState::Rejected(Some(AmqpError::from(&refusal))),
    }
}
