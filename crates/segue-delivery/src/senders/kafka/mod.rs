//! `type: kafka`: records in a topic of Kafka, or of anything that speaks its protocol.
//!
//! ```text
//!   a worker's batch ─┬─ partition 0 ─┬─ one request to their leader ─▶ answered, next records…
//!    key: profile     ├─ partition 2 ─┘
//!                     └─ partition 1 ─── one to another leader, at the same time
//! ```
//! A profile always has the same partition, and a partition one record batch under way, so each
//! profile keeps its order. All replicas in sync must have a record before it counts. Nothing is
//! sent again here: whoever calls does that, and what is known of the topic is looked up anew
//! then. Records whose answer was lost go out with the same numbers again, so that they are there
//! once.
//!
//! | Module | Holds |
//! |---|---|
//! | `access` | which brokers, TLS, who signs in |
//! | `connection` | one connection to one broker |
//! | `error` | what can go wrong |
//! | `lane` | the messages of one partition on their way |
//! | `limit` | how large record batches may be |
//! | `partitioner` | the partition of a key |
//! | `producers` | who numbers the records, so that none is there twice |
//! | `requests` | what is asked, in which versions |
//! | `sasl`, `scram` | signing in |
//! | `topic` | partitions and their leaders |

mod access;
mod connection;
mod error;
mod lane;
mod limit;
mod partitioner;
mod producers;
mod requests;
mod sasl;
mod scram;
mod topic;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::TopicProduceData;
use kafka_protocol::messages::{BrokerId, InitProducerIdRequest, ProduceRequest, ProduceResponse};
use segue_core::connection::Kafka;
use segue_core::variables::Lookup;
use tokio::sync::Mutex;

use self::access::Access;
pub(super) use self::access::check;
use self::error::KafkaError;
use self::lane::Lane;
use self::limit::Limit;
use self::producers::{Producer, Producers};
use self::topic::Topic;
use super::OpenError;
use super::records::RecordSender;
use super::sequence::Sequence;
use crate::sender::{OutboundMessage, PayloadForm, SendError, Sent, Terms, Verdict};

/// All replicas that are in sync.
const ACKS_ALL: i16 = -1;

/// How long a broker waits for its replicas.
const REPLICAS_TIMEOUT_MS: i32 = 15_000;

/// Records for one topic.
pub(super) struct KafkaSender {
    access: Access,
    name: String,
    /// While all is well.
    topic: Mutex<Option<Arc<Topic>>>,
    limit: Limit,
    producers: Producers,
}

impl KafkaSender {
    /// Looks up the secrets and reads the certificates.
    pub(super) fn open(kafka: &Kafka, lookup: Lookup<'_>) -> Result<KafkaSender, OpenError> {
        Ok(KafkaSender {
            access: Access::open(kafka, lookup)?,
            name: kafka.topic.clone(),
            topic: Mutex::default(),
            limit: Limit::default(),
            producers: Producers::default(),
        })
    }

    /// Sends the next records of all lanes, one request a leader.
    async fn advance(&self, topic: &Topic, lanes: &mut [Lane<'_>]) {
        let mut requests: BTreeMap<BrokerId, Vec<&mut Lane<'_>>> = BTreeMap::new();
        for lane in lanes.iter_mut().filter(|lane| !lane.is_over()) {
            match topic.leader_of(lane.partition) {
                Ok(leader) => requests.entry(leader).or_default().push(lane),
                Err(error) => lane.settle(Err(error)),
            }
        }
        let sent = requests.into_iter().map(async |(leader, mut lanes)| {
            let answer = self.produce(topic, leader, &mut lanes).await;
            for lane in &mut lanes {
                let answer = answer.as_ref().map_err(KafkaError::clone);
                lane.settle(answer.and_then(|answer| answer_for(topic, lane.partition, answer)));
            }
        });
        join_all(sent).await;
    }

    /// Has a broker write the next records of some lanes.
    async fn produce(
        &self,
        topic: &Topic,
        leader: BrokerId,
        lanes: &mut [&mut Lane<'_>],
    ) -> Result<ProduceResponse, KafkaError> {
        for lane in lanes.iter_mut().filter(|lane| lane.sequence.is_none()) {
            lane.sequence = self.sequence(topic, leader, lane).await?;
        }
        topic.ask(&self.access, leader, &request(topic, lanes)?).await
    }

    /// Numbers for the records of a lane; none where the service counts none.
    async fn sequence(
        &self,
        topic: &Topic,
        leader: BrokerId,
        lane: &Lane<'_>,
    ) -> Result<Option<Sequence<Producer>>, KafkaError> {
        let messages: Vec<&OutboundMessage> = lane.rest().collect();
        while !self.producers.is_refused() {
            if let Some(sequence) = self.producers.lend(lane.partition, &messages) {
                return Ok(Some(sequence));
            }
            match self.producer(topic, leader).await {
                Ok(producer) => self.producers.add(producer),
                Err(error) if error.may_pass() => return Err(error),
                Err(error) => self.producers.refuse(&self.name, &error.to_string()),
            }
        }
        Ok(None)
    }

    /// One more producer.
    async fn producer(&self, topic: &Topic, leader: BrokerId) -> Result<Producer, KafkaError> {
        let request = InitProducerIdRequest::default().with_transactional_id(None);
        let answer = topic.ask(&self.access, leader, &request).await?;
        match ResponseError::try_from_code(answer.error_code) {
            None => Ok(Producer { id: answer.producer_id.0, epoch: answer.producer_epoch }),
            Some(code) => Err(topic.refused(code, None)),
        }
    }

    /// What is known of the topic. One worker looks it up, the others wait for it.
    async fn topic(&self) -> Result<Arc<Topic>, KafkaError> {
        let mut known = self.topic.lock().await;
        if let Some(topic) = known.as_ref().filter(|topic| !topic.is_old()) {
            return Ok(Arc::clone(topic));
        }
        let topic = Topic::look_up(&self.access, &self.name).await?;
        Ok(Arc::clone(known.insert(Arc::new(topic))))
    }

    /// Forgets a topic, unless it was looked up anew already.
    async fn lose(&self, lost: &Arc<Topic>) {
        let mut known = self.topic.lock().await;
        if known.as_ref().is_some_and(|topic| Arc::ptr_eq(topic, lost)) {
            *known = None;
        }
    }
}

impl RecordSender for KafkaSender {
    const TERMS: Terms = Terms {
        messages: 500,
        // With their headers, so many fit into the MiB that a topic takes unless told otherwise.
        batch_bytes: 512 << 10,
        // A topic says what it takes, once it is there. A broker hangs up on requests over 100 MiB.
        message_bytes: 64 << 20,
        in_flight: 4,
        payload: PayloadForm::Body,
    };

    async fn deliver(&self, batch: &[OutboundMessage]) -> Sent {
        let topic = self.topic().await.map_err(|error| match error.is_about_messages() {
            true => SendError::Refused { error: error.to_string() },
            false => SendError::unavailable(error.to_string()),
        })?;
        let mut lanes = Lane::all(batch, &self.limit, |profile| topic.partition_of(profile));
        while !lanes.iter().all(Lane::is_over) {
            self.advance(&topic, &mut lanes).await;
        }
        for lane in &mut lanes {
            if let Some(sequence) = lane.sequence.take() {
                self.producers.take_back(lane.partition, sequence);
            }
        }
        if let Some(failure) = lanes.iter().find_map(Lane::failure) {
            self.lose(&topic).await;
            if lanes.iter().all(Lane::came_to_nothing) {
                return Err(SendError::unavailable(failure.to_string()));
            }
        }
        let mut verdicts: Vec<(usize, Verdict)> =
            lanes.into_iter().flat_map(Lane::verdicts).collect();
        verdicts.sort_by_key(|(place, _)| *place);
        Ok(verdicts.into_iter().map(|(_, verdict)| verdict).collect())
    }

    fn head(&self, message: &OutboundMessage) -> String {
        let who = self.access.sasl.as_ref().map(|sasl| format!(", as {}", sasl.username));
        let (name, brokers) = (&self.name, self.access.brokers.join(", "));
        let who = who.unwrap_or_default();
        format!("to topic {name} at {brokers}{who}\nkey: {}", message.profile)
    }
}

/// The next records of some lanes.
fn request(topic: &Topic, lanes: &mut [&mut Lane<'_>]) -> Result<ProduceRequest, KafkaError> {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let data = lanes.iter_mut().map(|lane| lane.data(now_ms)).collect::<Result<_, _>>()?;
    let data = TopicProduceData::default().with_name(topic.name.clone()).with_partition_data(data);
    Ok(ProduceRequest::default()
        .with_acks(ACKS_ALL)
        .with_timeout_ms(REPLICAS_TIMEOUT_MS)
        .with_topic_data(vec![data]))
}

/// What the broker says of one partition.
fn answer_for(topic: &Topic, partition: usize, answer: &ProduceResponse) -> Result<(), KafkaError> {
    let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    let found = partitions.find(|one| usize::try_from(one.index).is_ok_and(|one| one == partition));
    // A broker that leaves a partition out has not taken its records.
    let code = found.map_or(ResponseError::UnknownServerError.code(), |found| found.error_code);
    match ResponseError::try_from_code(code) {
        // It has them from before.
        None | Some(ResponseError::DuplicateSequenceNumber) => Ok(()),
        Some(code) => {
            let message = found.and_then(|found| found.error_message.as_ref());
            Err(topic.refused(code, message.map(ToString::to_string)))
        }
    }
}
