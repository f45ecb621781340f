//! The messages of one partition on their way: one record batch, and the next one after it was
//! answered. If one is refused, it is sent in halves until the message to blame is found. A batch
//! whose answer was lost before goes first, as it was.

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

use super::super::sequence::Sequence;
use super::error::KafkaError;
use super::limit::Limit;
use super::producers::Producer;
use crate::sender::{OutboundMessage, Verdict};

/// Of records without numbers.
const NOBODY: Producer = Producer { id: NO_PRODUCER_ID, epoch: NO_PRODUCER_EPOCH };

pub(super) struct Lane<'a> {
    pub(super) partition: usize,
    /// The messages, and their places in the batch of the worker.
    messages: Vec<(usize, &'a OutboundMessage)>,
    /// Of those that were answered, from the first one on.
    verdicts: Vec<Verdict>,
    /// How large a record batch may be.
    limit: &'a Limit,
    /// How many messages may share one, while one of them is looked for that is refused.
    most: usize,
    /// Where the records get their numbers from; none where the service counts none.
    pub(super) sequence: Option<Sequence<Producer>>,
    /// How many were sent last.
    sent: usize,
    /// Why there is no answer for the others.
    failure: Option<KafkaError>,
}

impl<'a> Lane<'a> {
    /// The lanes of a batch.
    pub(super) fn all(
        batch: &'a [OutboundMessage],
        limit: &'a Limit,
        partition_of: impl Fn(&str) -> usize,
    ) -> Vec<Lane<'a>> {
        let mut lanes: BTreeMap<usize, Lane<'a>> = BTreeMap::new();
        for (place, message) in batch.iter().enumerate() {
            let partition = partition_of(&message.profile);
            let lane = lanes.entry(partition).or_insert_with(|| Lane {
                partition,
                messages: Vec::new(),
                verdicts: Vec::new(),
                limit,
                most: usize::MAX,
                sequence: None,
                sent: 0,
                failure: None,
            });
            lane.messages.push((place, message));
        }
        lanes.into_values().collect()
    }

    pub(super) fn is_over(&self) -> bool {
        self.failure.is_some() || self.verdicts.len() == self.messages.len()
    }

    /// Those that were not answered.
    pub(super) fn rest(&self) -> impl Iterator<Item = &'a OutboundMessage> {
        self.messages.iter().skip(self.verdicts.len()).map(|(_, message)| *message)
    }

    /// What to send next, as records of this moment.
    pub(super) fn data(&mut self, now_ms: i64) -> Result<PartitionProduceData, KafkaError> {
        let in_doubt = self.sequence.as_ref().map_or(0, Sequence::in_doubt);
        let count =
            if in_doubt > 0 { in_doubt } else { self.limit.fitting(self.rest().take(self.most)) };
        let next: Vec<&OutboundMessage> = self.rest().take(count).collect();
        self.sent = next.len();
        let (producer, first) = match &mut self.sequence {
            Some(sequence) => {
                sequence.send(next.iter().copied());
                (sequence.producer, sequence.next)
            }
            None => (NOBODY, NO_SEQUENCE),
        };
        let places = next.into_iter().zip(0..);
        let records: Vec<Record> = places
            .map(|(message, place)| record(message, place, producer, first, now_ms))
            .collect();
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
        match answer {
            Ok(()) => {
                self.verdicts.extend(iter::repeat_n(Verdict::Taken, self.sent));
                self.sequence.iter_mut().for_each(Sequence::taken);
            }
            Err(error) if error.is_about_messages() => self.refuse(&error),
            Err(error) => {
                // Its numbers are still in doubt, unless the broker does not go on with them.
                self.sequence = self.sequence.take().filter(|_| !error.ends_sequence());
                self.failure = Some(error);
            }
        }
    }

    fn refuse(&mut self, error: &KafkaError) {
        self.sequence = self.sequence.take().and_then(Sequence::refused);
        if self.sent == 1 {
            self.verdicts.push(Verdict::Refused(error.to_string()));
            self.most = usize::MAX;
        } else if error.is_about_size() {
            self.limit.learn(self.rest().take(self.sent));
        } else {
            self.most = self.sent / 2;
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
fn record(
    message: &OutboundMessage,
    place: i32,
    producer: Producer,
    first: i32,
    now_ms: i64,
) -> Record {
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
        producer_id: producer.id,
        producer_epoch: producer.epoch,
        timestamp_type: TimestampType::Creation,
        offset: place.into(),
        // Counted on like the offset: the encoder puts what is not into a batch of its own.
        sequence: first.wrapping_add(place),
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

    use super::super::producers::Producers;
    use super::*;

    fn message(place: usize, profile: &str, payload: &str) -> OutboundMessage {
        OutboundMessage {
            offset: place as u64,
            at: segue_xdm::Timestamp::from_millis(0),
            stored: place.to_string().into(),
            profile: profile.to_owned(),
            properties: vec![("segue-cause".to_owned(), "event".to_owned())],
            payload: payload.to_owned().into(),
        }
    }

    /// Messages of one profile.
    fn messages<T: AsRef<str>>(payloads: &[T]) -> Vec<OutboundMessage> {
        let places = payloads.iter().enumerate();
        places.map(|(place, payload)| message(place, "p", payload.as_ref())).collect()
    }

    fn refused(code: ResponseError) -> Result<(), KafkaError> {
        Err(KafkaError::Refused { topic: "t".to_owned(), code, message: None })
    }

    fn lost() -> Result<(), KafkaError> {
        Err(KafkaError::Closed { broker: "b".to_owned(), advice: "" })
    }

    /// The payloads of the next record batch, which is one, and its first number.
    fn numbered(lane: &mut Lane<'_>) -> (i32, Vec<String>) {
        let mut data = lane.data(7).unwrap().records.unwrap();
        let set = RecordBatchDecoder::decode(&mut data).unwrap();
        assert!(!data.has_remaining(), "one batch");
        let first = set.records.first().unwrap().sequence;
        let text = |record: Record| {
            assert_eq!(record.key.unwrap(), "p");
            assert_eq!(
                record.headers.get(b"segue-cause".as_slice()).unwrap().as_ref().unwrap(),
                "event"
            );
            assert_eq!(record.timestamp, 7);
            String::from_utf8(record.value.unwrap().to_vec()).unwrap()
        };
        (first, set.records.into_iter().map(text).collect())
    }

    fn next(lane: &mut Lane<'_>) -> Vec<String> {
        numbered(lane).1
    }

    /// The only lane of a batch, with its numbers.
    fn only<'a>(batch: &'a [OutboundMessage], limit: &'a Limit, producers: &Producers) -> Lane<'a> {
        let mut lane = Lane::all(batch, limit, |_| 0).remove(0);
        lane.sequence = producers.lend(0, &lane.rest().collect::<Vec<_>>());
        lane
    }

    fn one_producer() -> Producers {
        let producers = Producers::default();
        producers.add(Producer { id: 7, epoch: 3 });
        producers
    }

    #[test]
    fn a_message_that_is_refused_is_found_among_the_others_which_keep_their_order() {
        for code in [ResponseError::MessageTooLarge, ResponseError::InvalidRecord] {
            let (batch, limit) = (messages(&["a", "b", "c!", "d", "e!", "f"]), Limit::default());
            let mut lane = only(&batch, &limit, &one_producer());
            let (mut taken, mut count) = (Vec::new(), 0);
            while !lane.is_over() {
                let (first, payloads) = numbered(&mut lane);
                assert_eq!(first, count, "no number is left out");
                if payloads.iter().any(|payload| payload.ends_with('!')) {
                    lane.settle(refused(code));
                } else {
                    count += payloads.len() as i32;
                    taken.extend(payloads);
                    lane.settle(Ok(()));
                }
            }
            assert_eq!(taken.concat(), "abdf");
            let refused = lane.verdicts().filter(|(_, one)| matches!(one, Verdict::Refused(_)));
            assert_eq!(refused.map(|(place, _)| place).collect::<Vec<_>>(), [2, 4]);
        }
    }

    #[test]
    fn what_is_no_fault_of_the_messages_ends_one_lane_and_no_other() {
        let batch = [message(0, "p", "a"), message(1, "q", "b"), message(2, "p", "c")];
        let limit = Limit::default();
        let mut lanes = Lane::all(&batch, &limit, |profile| usize::from(profile == "q"));
        lanes.iter_mut().for_each(|lane| drop(lane.data(7).unwrap()));
        lanes[0].settle(refused(ResponseError::TopicAuthorizationFailed));
        lanes[1].settle(Ok(()));
        assert!(lanes.iter().all(Lane::is_over) && lanes[0].came_to_nothing());
        let verdicts: Vec<_> = lanes.into_iter().flat_map(Lane::verdicts).collect();
        let why =
            "topic t: TopicAuthorizationFailed; give the one who signs in leave to write to it";
        let later = Verdict::Later(why.to_owned());
        assert_eq!(verdicts, [(0, later.clone()), (2, later), (1, Verdict::Taken)]);
    }

    #[test]
    fn a_batch_in_doubt_goes_out_again_as_it_was_before_any_other() {
        let (batch, limit, producers) =
            (messages(&["a", "b", "c"]), Limit::default(), one_producer());
        let mut lane = only(&batch[..2], &limit, &producers);
        assert_eq!(numbered(&mut lane), (0, vec!["a".to_owned(), "b".to_owned()]));
        lane.settle(lost());
        producers.take_back(0, lane.sequence.take().unwrap());
        // A limit that was learnt meanwhile does not make another batch of it.
        limit.learn(&batch[..1]);
        let mut lane = only(&batch, &limit, &producers);
        assert_eq!(numbered(&mut lane), (0, vec!["a".to_owned(), "b".to_owned()]));
        lane.settle(Ok(()));
        assert_eq!(numbered(&mut lane), (2, vec!["c".to_owned()]));
    }

    #[test]
    fn numbers_come_round_to_0_within_a_batch() {
        let (batch, limit) = (messages(&["a", "b", "c"]), Limit::default());
        let mut lane = only(&batch, &limit, &one_producer());
        lane.sequence.as_mut().unwrap().next = i32::MAX - 1;
        assert_eq!(numbered(&mut lane).0, i32::MAX - 1);
        assert_eq!(lane.sent, 3);
        lane.settle(Ok(()));
        assert_eq!(lane.sequence.unwrap().next, 1);
    }

    #[test]
    fn where_a_broker_has_lost_count_nothing_more_goes_out_with_these_numbers() {
        for code in [
            ResponseError::OutOfOrderSequenceNumber,
            ResponseError::UnknownProducerId,
            ResponseError::InvalidProducerEpoch,
            ResponseError::ProducerFenced,
        ] {
            let (batch, limit) = (messages(&["a"]), Limit::default());
            let mut lane = only(&batch, &limit, &one_producer());
            next(&mut lane);
            lane.settle(refused(code));
            assert!(lane.sequence.is_none() && lane.came_to_nothing(), "{code}");
        }
    }

    #[test]
    fn a_topic_that_takes_little_at_once_refuses_a_few_batches_and_then_no_more() {
        let payloads: Vec<String> = (0..200).map(|length| "x".repeat(length)).collect();
        let (batch, limit) = (messages(&payloads), Limit::default());
        let bytes = |payloads: &[String]| payloads.iter().map(|one| one.len() + 17).sum::<usize>();
        let (mut refusals, mut batches) = ([0, 0], [0, 0]);
        for pass in 0..2 {
            let mut lane = Lane::all(&batch, &limit, |_| 0).remove(0);
            while !lane.is_over() {
                let payloads = next(&mut lane);
                if bytes(&payloads) > 1000 {
                    refusals[pass] += 1;
                    lane.settle(refused(ResponseError::MessageTooLarge));
                } else {
                    batches[pass] += 1;
                    lane.settle(Ok(()));
                }
            }
        }
        assert_eq!(refusals, [5, 0]);
        assert!(batches[1] < 60, "{batches:?} for {} bytes", bytes(&payloads));
    }
}
