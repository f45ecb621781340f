//! The messages of one partition on their way: one record batch, and the next one after it was
//! answered. If one is refused, it is sent in halves until the message to blame is found.

use std::collections::BTreeMap;
use std::iter;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use super::error::KafkaError;
use crate::sender::{OutboundMessage, Verdict};

pub(super) struct Lane<'a> {
    pub(super) partition: usize,
    /// The messages, and their places in the batch of the worker.
    messages: Vec<(usize, &'a OutboundMessage)>,
    /// Of those that were answered, from the first one on.
    verdicts: Vec<Verdict>,
    /// How many go in one record batch.
    most: usize,
    /// Why there is no answer for the others.
    failure: Option<KafkaError>,
}

impl<'a> Lane<'a> {
    /// The lanes of a batch.
    pub(super) fn all(
        batch: &'a [OutboundMessage],
        partition_of: impl Fn(&str) -> usize,
    ) -> Vec<Lane<'a>> {
        let mut lanes: BTreeMap<usize, Lane<'a>> = BTreeMap::new();
        for (place, message) in batch.iter().enumerate() {
            let partition = partition_of(&message.profile);
            let lane = lanes.entry(partition).or_insert_with(|| Lane {
                partition,
                messages: Vec::new(),
                verdicts: Vec::new(),
                most: usize::MAX,
                failure: None,
            });
            lane.messages.push((place, message));
        }
        lanes.into_values().collect()
    }

    pub(super) fn is_over(&self) -> bool {
        self.failure.is_some() || self.verdicts.len() == self.messages.len()
    }

    fn next(&self) -> &[(usize, &'a OutboundMessage)] {
        let rest = self.messages.get(self.verdicts.len()..).unwrap_or_default();
        rest.get(..self.most).unwrap_or(rest)
    }

    /// What to send next, as records of this moment.
    pub(super) fn data(&self, now_ms: i64) -> Result<PartitionProduceData, KafkaError> {
        let records = self.next().iter().zip(0..);
        let records: Vec<Record> =
            records.map(|((_, message), place)| record(message, place, now_ms)).collect();
        let mut encoded = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut encoded, &records, &options).map_err(|error| {
            let broker = format!("partition {}", self.partition);
            KafkaError::Unintelligible { broker, problem: error.to_string() }
        })?;
        // As it came from a metadata answer, it fits.
        let index = i32::try_from(self.partition).unwrap_or(i32::MAX);
        Ok(PartitionProduceData::default().with_index(index).with_records(Some(encoded.freeze())))
    }

    /// Notes what the broker said of what was sent last.
    pub(super) fn settle(&mut self, answer: Result<(), KafkaError>) {
        let sent = self.next().len();
        match answer {
            Ok(()) => self.verdicts.extend(iter::repeat_n(Verdict::Taken, sent)),
            Err(error) if !error.is_about_messages() => self.failure = Some(error),
            Err(error) if sent == 1 => {
                self.verdicts.push(Verdict::Refused(error.to_string()));
                self.most = usize::MAX;
            }
            Err(_) => self.most = sent / 2,
        }
    }

    /// Why it ended early, if it did.
    pub(super) fn failure(&self) -> Option<&KafkaError> {
        self.failure.as_ref()
    }

    /// Whether no message was answered at all.
    pub(super) fn came_to_nothing(&self) -> bool {
        self.verdicts.is_empty()
    }

    /// The verdict of each message, with its place in the batch.
    pub(super) fn verdicts(self) -> impl Iterator<Item = (usize, Verdict)> {
        let why = self.failure.map(|error| error.to_string()).unwrap_or_default();
        let places = self.messages.into_iter().map(|(place, _)| place);
        places.zip(self.verdicts.into_iter().chain(iter::repeat(Verdict::Later(why))))
    }
}

/// The key is the profile, the headers are the properties.
fn record(message: &OutboundMessage, place: i64, now_ms: i64) -> Record {
    let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let headers = message
        .properties
        .iter()
        .map(|(name, value)| (StrBytes::from_string(name.clone()), Some(text(value))));
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: place,
        // Counted on like the offset: the encoder puts what is not into a batch of its own.
        sequence: NO_SEQUENCE.wrapping_add(place as i32),
        timestamp: now_ms,
        key: Some(text(&message.profile)),
        value: Some(message.payload.clone()),
        headers: IndexMap::from_iter(headers),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;
    use kafka_protocol::ResponseError;
    use kafka_protocol::records::RecordBatchDecoder;

    use super::*;

    fn message(offset: u64, profile: &str, payload: &'static str) -> OutboundMessage {
        OutboundMessage {
            offset,
            at: segue_xdm::Timestamp::from_millis(0),
            stored: Bytes::new(),
            profile: profile.to_owned(),
            properties: vec![("segue-cause".to_owned(), "event".to_owned())],
            payload: Bytes::from_static(payload.as_bytes()),
        }
    }

    fn refused(code: ResponseError) -> Result<(), KafkaError> {
        Err(KafkaError::Refused { topic: "t".to_owned(), code, message: None })
    }

    /// The payloads of the next record batch, which is one.
    fn next(lane: &Lane<'_>) -> Vec<String> {
        let mut data = lane.data(7).unwrap().records.unwrap();
        let set = RecordBatchDecoder::decode(&mut data).unwrap();
        assert!(!data.has_remaining(), "one batch");
        let text = |record: Record| {
            assert_eq!(record.key.unwrap(), "p");
            assert_eq!(
                record.headers.get(b"segue-cause".as_slice()).unwrap().as_ref().unwrap(),
                "event"
            );
            assert_eq!(record.timestamp, 7);
            String::from_utf8(record.value.unwrap().to_vec()).unwrap()
        };
        set.records.into_iter().map(text).collect()
    }

    #[test]
    fn a_message_that_is_refused_is_found_among_the_others_which_keep_their_order() {
        let batch: Vec<_> = (0..6).zip(["a", "b", "c!", "d", "e!", "f"]).collect();
        let batch: Vec<_> = batch.into_iter().map(|(at, text)| message(at, "p", text)).collect();
        let mut lanes = Lane::all(&batch, |_| 0);
        let lane = &mut lanes[0];
        let mut taken = Vec::new();
        while !lane.is_over() {
            let payloads = next(lane);
            if payloads.iter().any(|payload| payload.ends_with('!')) {
                lane.settle(refused(ResponseError::MessageTooLarge));
            } else {
                taken.extend(payloads);
                lane.settle(Ok(()));
            }
        }
        assert_eq!(taken.concat(), "abdf");
        let verdicts = lanes.remove(0).verdicts();
        let refused = verdicts.filter(|(_, one)| matches!(one, Verdict::Refused(_)));
        assert_eq!(refused.map(|(place, _)| place).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn what_is_no_fault_of_the_messages_ends_one_lane_and_no_other() {
        let batch = [message(0, "p", "a"), message(1, "q", "b"), message(2, "p", "c")];
        let mut lanes = Lane::all(&batch, |profile| usize::from(profile == "q"));
        lanes[0].settle(refused(ResponseError::TopicAuthorizationFailed));
        lanes[1].settle(Ok(()));
        assert!(lanes.iter().all(Lane::is_over) && lanes[0].came_to_nothing());
        let verdicts: Vec<_> = lanes.into_iter().flat_map(Lane::verdicts).collect();
        let why =
            "topic t: TopicAuthorizationFailed; give the one who signs in leave to write to it";
        let later = Verdict::Later(why.to_owned());
        assert_eq!(verdicts, [(0, later.clone()), (2, later), (1, Verdict::Taken)]);
    }
}
