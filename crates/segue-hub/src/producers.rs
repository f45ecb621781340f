//! The idempotent producers of a partition: which of their events it has.
//!
//! ```text
//!   producer 7, last number 12:    13 14 15   what comes next: appended
//!                                  11 12      there already: accepted, not appended
//!                                  12 13      partly there   ┐
//!                                  14 15      a gap before   ┘ refused
//! ```
//! A producer that nobody knows any more may go on with any number: the alternative would be to
//! refuse events that are nowhere else.
//!
//! Nothing of this is written down but the numbers that stored events carry in their annotations.
//! They are read back from the end of the log when the first producer attaches, and after an
//! append that the disk did not take.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use segue_amqp::message::{EventNumber, Numbering, ProducerIdentity};
use segue_log::{Append, LogError, Partition};

use crate::refusal::Refusal;

/// Events at the end of a partition from which producers are recalled: more than clients have
/// under way.
const RECALLED_EVENTS: u64 = 10_000;
/// Producers that are remembered; the one that was silent for longest is forgotten for a new one.
const PRODUCERS_MAX: usize = 1000;
/// Bytes of events that are read at once to recall producers.
const RECALL_BYTES: usize = 1 << 20;
/// Numbers that lie so far back, or further, are ahead: half of all there are.
const BEHIND_MAX: u32 = 1 << 30;
/// Producer ids of one millisecond. So they are unique, also across restarts, and small enough for
/// clients whose numbers have 53 bits.
const IDS_PER_MS: i64 = 1000;

/// Those of one partition.
#[derive(Default)]
pub(crate) struct Producers(Mutex<Option<Known>>);

/// Those that are remembered.
#[derive(Default)]
struct Known {
    by_id: HashMap<i64, Producer>,
    newest_id: i64,
    /// Counts what producers do, to tell which one was silent for longest.
    clock: u64,
}

struct Producer {
    epoch: i16,
    /// Number of the last event that is durable.
    durable: i32,
    /// The appends since, oldest first, with the number of their last event.
    appending: VecDeque<(i32, Append)>,
    active_at: u64,
}

impl Producers {
    /// Lets a producer attach, or go on: what it is told.
    ///
    /// # Errors
    /// When there is one with a higher epoch.
    pub(crate) fn attach(
        &self,
        partition: &Partition,
        asked: Numbering,
        now_ms: i64,
    ) -> Result<EventNumber, Refusal> {
        let mut known = self.0.lock();
        let known = current(&mut known, partition, asked.id)?;
        let Some(id) = asked.id else {
            let id = known.newest_id.max(now_ms.saturating_mul(IDS_PER_MS)).saturating_add(1);
            known.newest_id = id;
            let epoch = asked.epoch.unwrap_or(0);
            let last = EventNumber {
                producer: ProducerIdentity { id, epoch },
                sequence: asked.last.unwrap_or(0),
            };
            known.begin(last);
            return Ok(last);
        };
        let found = known.by_id.get(&id).map(|found| (found.epoch, found.newest()));
        let epoch = asked.epoch.or(found.map(|(epoch, _)| epoch)).unwrap_or(0);
        let producer = ProducerIdentity { id, epoch };
        let last = |sequence| EventNumber { producer, sequence };
        match found {
            Some((owner, _)) if epoch < owner => Err(Refusal::producer_displaced(id, epoch, owner)),
            // Who says where it stands is believed: it will send from there what is in doubt.
            Some((owner, newest)) if epoch == owner => Ok(last(asked.last.unwrap_or(newest))),
            Some(_) | None => {
                let last = last(asked.last.unwrap_or(0));
                if asked.last.is_some() || found.is_some() {
                    known.begin(last);
                }
                Ok(last)
            }
        }
    }

    /// Appends events that have consecutive numbers from `first` on, unless they are there
    /// already: then the append that brought the last of them, if it may not be durable yet.
    ///
    /// # Errors
    /// When it is not their turn, or the log does not take them.
    pub(crate) fn publish(
        &self,
        partition: &Partition,
        first: EventNumber,
        messages: &[&[u8]],
        now_ms: i64,
    ) -> Result<Option<Append>, Refusal> {
        let mut known = self.0.lock();
        let id = first.producer.id;
        let known = current(&mut known, partition, Some(id))?;
        let last = first.after(messages.len().saturating_sub(1));
        if known.place(first, last)? == Place::There {
            return Ok(known.by_id.get(&id).and_then(Producer::newest_append));
        }
        let append = partition.append(now_ms, messages).map_err(|error| Refusal::from(&error))?;
        known.appended(last, append.clone());
        if known.has_lost(id) {
            // Just now, before this append or with it: as if nobody knew the producer, so that
            // what was lost is no repetition when it comes again.
            known.by_id.remove(&id);
        }
        Ok(Some(append))
    }
}

/// Where events lie in the order of their producer.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Next,
    There,
}

impl Known {
    /// A producer that begins, or begins anew with a higher epoch, behind `last`.
    fn begin(&mut self, last: EventNumber) {
        let EventNumber { producer: ProducerIdentity { id, epoch }, sequence } = last;
        if self.by_id.len() >= PRODUCERS_MAX && !self.by_id.contains_key(&id) {
            let silent = self.by_id.iter().min_by_key(|(_, producer)| producer.active_at);
            if let Some(silent) = silent.map(|(id, _)| *id) {
                self.by_id.remove(&silent);
            }
        }
        self.clock += 1;
        let appending = VecDeque::new();
        let active_at = self.clock;
        self.by_id.insert(id, Producer { epoch, durable: sequence, appending, active_at });
    }

    fn place(&self, first: EventNumber, last: EventNumber) -> Result<Place, Refusal> {
        let ProducerIdentity { id, epoch } = first.producer;
        let Some(producer) = self.by_id.get(&id).filter(|producer| producer.epoch <= epoch) else {
            return match self.by_id.get(&id) {
                Some(owner) => Err(Refusal::producer_displaced(id, epoch, owner.epoch)),
                None => Ok(Place::Next),
            };
        };
        let newest = EventNumber { sequence: producer.newest(), ..first };
        if producer.epoch < epoch || first == newest.after(1) {
            Ok(Place::Next)
        } else if newest.distance_from(last) < BEHIND_MAX {
            Ok(Place::There)
        } else {
            Err(Refusal::out_of_order(id, first.sequence, newest.after(1).sequence))
        }
    }

    fn appended(&mut self, last: EventNumber, append: Append) {
        let ProducerIdentity { id, epoch } = last.producer;
        if self.by_id.get(&id).is_none_or(|producer| producer.epoch < epoch) {
            self.begin(last);
        }
        self.clock += 1;
        if let Some(producer) = self.by_id.get_mut(&id) {
            producer.appending.push_back((last.sequence, append));
            producer.active_at = self.clock;
        }
    }

    /// Settles what is durable of a producer. True when something of it was lost on the way there.
    fn has_lost(&mut self, id: i64) -> bool {
        let Some(producer) = self.by_id.get_mut(&id) else {
            return false;
        };
        while let Some((last, outcome)) =
            producer.appending.front().and_then(|(last, append)| Some((*last, append.outcome()?)))
        {
            if outcome.is_err() {
                return true;
            }
            producer.durable = last;
            producer.appending.pop_front();
        }
        false
    }
}

impl Producer {
    /// Number of its last event.
    fn newest(&self) -> i32 {
        self.appending.back().map_or(self.durable, |(last, _)| *last)
    }

    /// The append of its last event; none when it is durable.
    fn newest_append(&self) -> Option<Append> {
        self.appending.back().map(|(_, append)| append.clone())
    }
}

/// The producers that are known: recalled from the log if none are, or if something of this one
/// was lost on the way there.
fn current<'a>(
    known: &'a mut Option<Known>,
    partition: &Partition,
    id: Option<i64>,
) -> Result<&'a mut Known, Refusal> {
    let has_lost = |known: &mut Known| id.is_some_and(|id| known.has_lost(id));
    if known.as_mut().is_none_or(has_lost) {
        *known = Some(recall(partition).map_err(|error| Refusal::from(&error))?);
    }
    Ok(known.get_or_insert_default())
}

/// Looks up who sent the last events of a partition.
fn recall(partition: &Partition) -> Result<Known, LogError> {
    let mut known = Known::default();
    let from = partition.end_offset().saturating_sub(RECALLED_EVENTS);
    let mut reader = partition.reader(from.max(partition.start_offset()));
    loop {
        let records = match reader.read(RECALL_BYTES) {
            Ok(records) if records.is_empty() => return Ok(known),
            Ok(records) => records,
            // Retention was faster: what it took is not to be recalled.
            Err(LogError::Removed { start_offset, .. }) => {
                reader.seek(start_offset);
                continue;
            }
            Err(error) => return Err(error),
        };
        for record in records.iter().filter(|record| !record.is_erased) {
            // What a producer with broken annotations sent was never taken as numbered.
            if let Ok(Some(number)) = EventNumber::of_message(&record.payload) {
                known.newest_id = known.newest_id.max(number.producer.id);
                known.begin(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use segue_amqp::codec::Map;
    use segue_amqp::frame::condition;
    use segue_amqp::message::Message;
    use segue_log::simulation::SimulatedDisk;
    use segue_log::{Log, LogOptions};

    use super::*;

    /// A partition on a disk that can fail, and its producers.
    struct World {
        disk: SimulatedDisk,
        log: Log,
        producers: Producers,
    }

    impl World {
        fn new() -> World {
            let disk = SimulatedDisk::default();
            let options = LogOptions { partitions: 1, ..LogOptions::default() };
            let log = Log::open_on(&disk.host(), "/log".as_ref(), options).unwrap();
            World { disk, log, producers: Producers::default() }
        }

        fn partition(&self) -> &Partition {
            self.log.partition(0).unwrap()
        }

        fn attach(&self, asked: Numbering) -> EventNumber {
            self.producers.attach(self.partition(), asked, 1).unwrap()
        }

        /// Publishes `count` events; the append to wait for, or why there is none.
        fn append(&self, first: EventNumber, count: usize) -> Result<Option<Append>, &'static str> {
            let messages: Vec<Vec<u8>> = (0..count)
                .map(|place| {
                    let message_annotations = first.after(place).annotate(Map::new());
                    Message { message_annotations, ..Message::default() }.encode()
                })
                .collect();
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let published = self.producers.publish(self.partition(), first, &messages, 1);
            published.map_err(|refusal| refusal.condition)
        }

        /// The same; whether they are there.
        fn publish(&self, first: EventNumber, count: usize) -> Result<(), &'static str> {
            match self.append(first, count)? {
                Some(append) => append.wait().map_err(|_| "lost"),
                None => Ok(()),
            }
        }

        fn end(&self) -> u64 {
            self.partition().end_offset()
        }
    }

    #[test]
    fn what_the_disk_did_not_take_is_no_repetition_when_it_comes_again() {
        let world = World::new();
        let first = world.attach(Numbering::default()).after(1);
        assert_eq!(world.publish(first, 2), Ok(()));
        world.disk.set_free_bytes(Some(10));
        assert_eq!(world.publish(first.after(2), 2), Err("lost"));
        world.disk.set_free_bytes(None);
        assert_eq!(world.attach(Numbering::of(first.producer)), first.after(1));
        assert_eq!(world.publish(first.after(2), 2), Ok(()));
        assert_eq!(world.publish(first, 4), Ok(()), "all of it is there now");
        assert_eq!(world.end(), 4);
    }

    #[test]
    fn a_repetition_waits_until_the_first_one_is_durable_and_fails_with_it() {
        let world = World::new();
        let first = world.attach(Numbering::default()).after(1);
        let stall = world.disk.stall_syncs();
        let once = world.append(first, 1).unwrap().unwrap();
        stall.wait_until_stalled();
        let twice = world.append(first, 1).unwrap().unwrap();
        world.disk.fail_syncs(0, 1);
        drop(stall);
        assert!(once.wait().is_err() && twice.wait().is_err());
        assert_eq!(world.end(), 0);
    }

    #[test]
    fn the_one_that_was_silent_for_longest_is_forgotten_and_may_go_on_all_the_same() {
        let world = World::new();
        let oldest = world.attach(Numbering::default());
        let second = world.attach(Numbering::default());
        assert_eq!(world.publish(oldest.after(1), 1), Ok(()));
        for _ in 2..=PRODUCERS_MAX {
            world.attach(Numbering::default());
        }
        let gap = |producer: EventNumber| world.publish(producer.after(7), 1);
        assert_eq!(gap(oldest), Err(condition::OUT_OF_ORDER_SEQUENCE), "it was active since");
        assert_eq!(gap(second), Ok(()), "nobody knows what comes next");
    }
}
