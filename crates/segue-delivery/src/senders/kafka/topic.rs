//! What is known of a topic: its partitions, which broker leads each, and a connection to each of
//! those that were needed.
//!
//! It is looked up anew after every failure, because the leaders may have changed, and after a
//! while, because partitions may have been added.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{MetadataResponseBroker, MetadataResponseTopic};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::Mutex;

use super::access::Access;
use super::connection::Connection;
use super::error::KafkaError;
use super::partitioner;
use super::requests::Request;

/// How long it holds. Azure forgets connections that rested for 4 minutes; Java's clients look
/// after 5.
const AGE_MAX: Duration = Duration::from_secs(3 * 60);

pub(super) struct Topic {
    pub(super) name: TopicName,
    /// By partition; none when there is none at the moment.
    leaders: Vec<Option<BrokerId>>,
    brokers: BTreeMap<BrokerId, Broker>,
    looked_up: Instant,
}

struct Broker {
    address: String,
    connection: Mutex<Option<Connection>>,
}

impl Topic {
    /// Asks the brokers in their order until one answers.
    pub(super) async fn look_up(access: &Access, name: &str) -> Result<Topic, KafkaError> {
        let name = TopicName(StrBytes::from_string(name.to_owned()));
        let wanted = MetadataRequestTopic::default().with_name(Some(name.clone()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![wanted]))
            .with_allow_auto_topic_creation(false);
        let mut failure = None;
        for broker in &access.brokers {
            let asked = async {
                let mut connection = Connection::open(access, broker).await?;
                connection.ask(&request).await
            };
            match asked.await {
                Ok(answer) => return Topic::read(name, answer),
                Err(KafkaError::Closed { broker, .. }) => {
                    let advice = ", as brokers do when `security` is not that of the port";
                    failure = Some(KafkaError::Closed { broker, advice });
                }
                Err(error) => failure = Some(error),
            }
        }
        let nobody = || KafkaError::Unreachable {
            broker: "Kafka".to_owned(),
            problem: "the definition names no broker".to_owned(),
        };
        Err(failure.unwrap_or_else(nobody))
    }

    fn read(name: TopicName, answer: MetadataResponse) -> Result<Topic, KafkaError> {
        let topic = answer.topics.into_iter().find(|topic| topic.name.as_ref() == Some(&name));
        let code = topic
            .as_ref()
            .map_or(ResponseError::UnknownTopicOrPartition.code(), |topic| topic.error_code);
        let refused = |code| KafkaError::Refused { topic: name.to_string(), code, message: None };
        if let Some(code) = ResponseError::try_from_code(code) {
            return Err(refused(code));
        }
        let leaders = topic.map(leaders).unwrap_or_default();
        if leaders.is_empty() {
            return Err(refused(ResponseError::LeaderNotAvailable));
        }
        let brokers = answer.brokers.into_iter().map(|one| (one.node_id, Broker::new(&one)));
        let looked_up = Instant::now();
        Ok(Topic { leaders, brokers: brokers.collect(), name, looked_up })
    }

    pub(super) fn is_old(&self) -> bool {
        self.looked_up.elapsed() > AGE_MAX
    }

    /// The partition of a key.
    pub(super) fn partition_of(&self, key: &str) -> usize {
        partitioner::partition_of(key.as_bytes(), self.leaders.len())
    }

    /// Who leads a partition.
    pub(super) fn leader_of(&self, partition: usize) -> Result<BrokerId, KafkaError> {
        self.leaders
            .get(partition)
            .copied()
            .flatten()
            .ok_or_else(|| KafkaError::Leaderless { topic: self.name.to_string(), partition })
    }

    /// A broker does not do what was asked of the topic.
    pub(super) fn refused(&self, code: ResponseError, message: Option<String>) -> KafkaError {
        KafkaError::Refused { topic: self.name.to_string(), code, message }
    }

    /// Asks one of the brokers.
    pub(super) async fn ask<R: Request>(
        &self,
        access: &Access,
        broker: BrokerId,
        request: &R,
    ) -> Result<R::Answer, KafkaError> {
        let broker = self.brokers.get(&broker).ok_or_else(|| KafkaError::Unreachable {
            broker: format!("broker {}", broker.0),
            problem: "the others do not say where it is".to_owned(),
        })?;
        // It is taken out meanwhile, and so closed if the answer does not come or is not waited
        // for: the next request must not get the answer to this one.
        let mut kept = broker.connection.lock().await;
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(access, &broker.address).await?,
        };
        let answer = connection.ask(request).await?;
        *kept = Some(connection);
        Ok(answer)
    }
}

impl Broker {
    fn new(broker: &MetadataResponseBroker) -> Broker {
        let host = match broker.host.contains(':') {
            true => format!("[{}]", broker.host),
            false => broker.host.to_string(),
        };
        Broker { address: format!("{host}:{}", broker.port), connection: Mutex::default() }
    }
}

fn leaders(topic: MetadataResponseTopic) -> Vec<Option<BrokerId>> {
    let mut leaders = vec![None; topic.partitions.len()];
    for partition in topic.partitions {
        let place = usize::try_from(partition.partition_index).ok();
        if let Some(leader) = place.and_then(|place| leaders.get_mut(place)) {
            *leader = Some(partition.leader_id).filter(|leader| leader.0 >= 0);
        }
    }
    leaders
}
