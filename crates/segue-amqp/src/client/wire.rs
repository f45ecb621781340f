//! Where a session's frames go, and the numbers that all its links share.
//!
//! Transfer frames are numbered in each direction; a side may send as many as the other side's
//! *incoming window* has room for. Deliveries are numbered separately, once per message.

use super::handshake::{CHANNEL, INCOMING_WINDOW};
use crate::frame::{Flow, Transfer};

/// Bytes waiting to be written above which nothing more is encoded, so that a slow peer holds back
/// the callers rather than filling memory.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// The outgoing bytes of a session, its windows and numbers.
pub(super) struct Wire {
    /// Encoded frames, of which the first `written` bytes have left.
    out: Vec<u8>,
    written: usize,
    max_frame_size: u32,
    next_delivery_id: u32,
    next_outgoing_id: u32,
    /// Transfer frames that the peer still takes.
    peer_window: u32,
    next_incoming_id: u32,
    /// Transfer frames that the peer may still send.
    own_window: u32,
}

impl Wire {
    /// A session whose peer takes frames of `max_frame_size`, `peer_window` of them, and starts
    /// its own numbers at `next_incoming_id`.
    pub(super) fn new(max_frame_size: u32, peer_window: u32, next_incoming_id: u32) -> Wire {
        Wire {
            out: Vec::new(),
            written: 0,
            max_frame_size,
            next_delivery_id: 0,
            next_outgoing_id: 0,
            peer_window,
            next_incoming_id,
            own_window: INCOMING_WINDOW,
        }
    }

    /// The bytes to write next.
    pub(super) fn unwritten(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    /// Drops the first `len` of the unwritten bytes.
    pub(super) fn wrote(&mut self, len: usize) {
        self.written += len;
        if self.written >= self.out.len() {
            self.out.clear();
            self.written = 0;
        }
    }

    /// True while more may be encoded.
    pub(super) fn has_room(&self) -> bool {
        self.unwritten().len() < OUTPUT_BYTES_MAX
    }

    /// Where frames other than transfers are encoded to.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// True while the peer takes a transfer frame and there is room for it.
    pub(super) fn takes_transfer(&self) -> bool {
        self.peer_window > 0 && self.has_room()
    }

    /// A number for a new delivery.
    pub(super) fn next_delivery_id(&mut self) -> u32 {
        let id = self.next_delivery_id;
        self.next_delivery_id = id.wrapping_add(1);
        id
    }

    /// Encodes one frame of a delivery, see [`Transfer::encode_chunk`].
    pub(super) fn transfer(&mut self, transfer: &Transfer, message: &[u8], sent: usize) -> usize {
        self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
        self.peer_window = self.peer_window.saturating_sub(1);
        transfer.encode_chunk(CHANNEL, self.max_frame_size, &[message], sent, &mut self.out)
    }

    /// Learns from a flow how many transfer frames the peer takes.
    pub(super) fn learn(&mut self, flow: &Flow) {
        let seen = flow.next_incoming_id.unwrap_or_default();
        let unseen = self.next_outgoing_id.wrapping_sub(seen);
        self.peer_window = flow.incoming_window.saturating_sub(unseen);
    }

    /// Counts a transfer frame of the peer, and lets it go on in time.
    pub(super) fn received_transfer(&mut self) {
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        self.own_window = self.own_window.saturating_sub(1);
        if self.own_window < INCOMING_WINDOW / 2 {
            self.flow(Flow::default());
        }
    }

    /// Sends a flow with the link's numbers as given and the session's filled in.
    pub(super) fn flow(&mut self, link: Flow) {
        self.own_window = INCOMING_WINDOW;
        let flow = Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: self.own_window,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: INCOMING_WINDOW,
            ..link
        };
        flow.encode(CHANNEL, &mut self.out);
    }
}

#[cfg(test)]
mod tests {
    use super::Wire;
    use crate::frame::{Flow, Transfer};

    #[test]
    fn the_peers_window_counts_from_what_it_has_seen() {
        let mut wire = Wire::new(512, 2, 0);
        wire.transfer(&Transfer::default(), b"", 0);
        wire.transfer(&Transfer::default(), b"", 0);
        assert!(!wire.takes_transfer());
        let seen_one = Flow { next_incoming_id: Some(1), incoming_window: 2, ..Flow::default() };
        wire.learn(&seen_one);
        assert!(wire.takes_transfer());
        wire.transfer(&Transfer::default(), b"", 0);
        assert!(!wire.takes_transfer());
    }

    #[test]
    fn a_full_output_takes_nothing_more_until_it_is_written() {
        let mut wire = Wire::new(u32::MAX, 10, 0);
        wire.transfer(&Transfer::default(), &vec![0; super::OUTPUT_BYTES_MAX], 0);
        assert!(!wire.takes_transfer());
        wire.wrote(wire.unwritten().len());
        assert!(wire.takes_transfer());
    }
}
