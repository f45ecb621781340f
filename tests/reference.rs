//! The reference run: the input log replayed into an empty engine, and what a hub must hold then.

use std::collections::BTreeMap;

use segue_core::{Engine, Input, Settings};
use segue_delivery::{activation_id, encode};
use segue_hub::Hub;
use segue_log::{Log, LogRecord};
use segue_runtime::log_of;
use segue_xdm::Timestamp;

/// The messages of every partition that has any, by the name of its hub and its number.
pub(crate) type Messages = BTreeMap<(String, u16), Vec<Vec<u8>>>;

/// What an input log adds up to.
pub(crate) struct Reference {
    pub(crate) engine: Engine,
    pub(crate) messages: Messages,
    /// What became of each event that is in the log.
    pub(crate) events: BTreeMap<String, Sightings>,
    /// Activations that no input but time caused.
    pub(crate) exits_by_timer: u64,
}

/// When an event was applied, and how often it was left out as a repetition.
#[derive(Default)]
pub(crate) struct Sightings {
    pub(crate) applied: Vec<Timestamp>,
    pub(crate) left_out: u64,
}

impl Reference {
    /// Replays a log. The hub says which partition a profile has.
    pub(crate) fn of(records: &[LogRecord], hub: &Hub) -> Reference {
        let mut reference = Reference {
            engine: Engine::new(Settings::default()),
            messages: Messages::new(),
            events: BTreeMap::new(),
            exits_by_timer: 0,
        };
        for record in records {
            reference.apply(record, hub);
        }
        reference
    }

    fn apply(&mut self, record: &LogRecord, hub: &Hub) {
        let input = Input::decode(&record.payload).unwrap();
        let event = match &input {
            Input::Event(event) => Some(event.id.clone()),
            _ => None,
        };
        let time = Timestamp::from_millis(record.time_ms);
        let outcome = self.engine.apply(record.offset, time, input);
        assert_eq!(outcome.refused, [], "input {} was accepted", record.offset);
        if let Some(id) = event {
            let sightings = self.events.entry(id).or_default();
            match outcome.duplicate {
                true => sightings.left_out += 1,
                false => sightings.applied.push(time),
            }
        }
        for activation in outcome.activations {
            let mut destinations = self.engine.program().destinations();
            let destination = destinations.find(|one| one.id == activation.destination).unwrap();
            let hub = hub.event_hub(&log_of(destination)).unwrap();
            let partition = hub.partition_for_key(&activation.profile.to_string());
            let key = (hub.name().to_owned(), partition);
            self.messages.entry(key).or_default().push(encode(&activation));
            self.exits_by_timer += u64::from(activation.cause == "timer");
        }
    }

    /// Panics unless the hub holds these activations, byte for byte, but for those that its
    /// retention has removed.
    pub(crate) fn check(&self, hub: &Hub) {
        for hub in hub.event_hubs() {
            for partition in hub.log().partitions() {
                let key = (hub.name().to_owned(), partition.number());
                let expected = self.messages.get(&key).map(Vec::as_slice).unwrap_or_default();
                let removed = partition.start_offset() as usize;
                let left = expected.get(removed..).unwrap_or_default();
                let stored = all_records(hub.log(), partition.number());
                let stored: Vec<Vec<u8>> = stored.into_iter().map(|one| one.payload).collect();
                compare(&key, &stored, left);
            }
        }
    }
}

/// Everything that is in a partition.
pub(crate) fn all_records(log: &Log, partition: u16) -> Vec<LogRecord> {
    let partition = log.partition(partition).unwrap();
    let mut reader = partition.reader(partition.start_offset());
    let mut all = Vec::new();
    loop {
        let records = reader.read(1 << 20).unwrap();
        if records.is_empty() {
            return all;
        }
        all.extend(records);
    }
}

/// Says where the first difference is, instead of printing both sides whole.
fn compare(partition: &(String, u16), stored: &[Vec<u8>], expected: &[Vec<u8>]) {
    let same = stored.iter().zip(expected).take_while(|(stored, expected)| stored == expected);
    let same = same.count();
    let id = |messages: &[Vec<u8>]| messages.get(same).and_then(|one| activation_id(one));
    assert!(
        same == stored.len() && same == expected.len(),
        "{partition:?} holds {} activations and should hold {}; the first {same} are right, then \
         comes {:?} instead of {:?}",
        stored.len(),
        expected.len(),
        id(stored),
        id(expected),
    );
}
