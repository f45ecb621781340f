//! What can go wrong between Segue and the brokers, in words for whoever has to mend it.

use kafka_protocol::ResponseError;

#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum KafkaError {
    #[error("cannot connect to {broker}: {problem}")]
    Unreachable { broker: String, problem: String },
    /// Nobody knows what became of what was asked.
    #[error("no answer from {broker}: {problem}")]
    NoAnswer { broker: String, problem: String },
    /// The same.
    #[error("{broker} closed the connection{advice}")]
    Closed { broker: String, advice: &'static str },
    #[error(
        "{broker} does not let {username} in: {problem}; check `security` and the secrets that it \
         names"
    )]
    Unauthorized { broker: String, username: String, problem: String },
    #[error("{broker} does not speak Kafka as Segue does: {problem}")]
    Unintelligible { broker: String, problem: String },
    /// A broker answered with one of Kafka's errors.
    #[error("topic {topic}: {}{}", in_words(*code), said(message.as_deref()))]
    Refused { topic: String, code: ResponseError, message: Option<String> },
    #[error("topic {topic}: partition {partition} has no leader at the moment")]
    Leaderless { topic: String, partition: usize },
}

impl KafkaError {
    /// Whether it is the messages that the broker refuses, and not whoever sends, or the moment.
    pub(super) fn is_about_messages(&self) -> bool {
        let KafkaError::Refused { code, .. } = self else { return false };
        matches!(
            code,
            ResponseError::InvalidRecord
                | ResponseError::InvalidTimestamp
                | ResponseError::InvalidTopicException
        ) || self.is_about_size()
    }

    /// Whether it is too much at once.
    pub(super) fn is_about_size(&self) -> bool {
        let KafkaError::Refused { code, .. } = self else { return false };
        matches!(code, ResponseError::MessageTooLarge | ResponseError::RecordListTooLarge)
    }

    /// Whether the broker takes no more records of that producer: it has lost count, or the
    /// producer's rights.
    pub(super) fn ends_sequence(&self) -> bool {
        let KafkaError::Refused { code, .. } = self else { return false };
        matches!(
            code,
            ResponseError::ClusterAuthorizationFailed
                | ResponseError::InvalidProducerEpoch
                | ResponseError::OutOfOrderSequenceNumber
                | ResponseError::ProducerFenced
                | ResponseError::UnknownProducerId
        )
    }

    /// Whether the same may be answered otherwise later on.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            KafkaError::Refused { code, .. } => code.is_retriable(),
            KafkaError::Unintelligible { .. } => false,
            _ => true,
        }
    }
}

/// Kafka's name of an error, and what to do where it does not say.
fn in_words(code: ResponseError) -> String {
    let advice = match code {
        ResponseError::InvalidTopicException => "; nobody may write to it",
        ResponseError::MessageTooLarge | ResponseError::RecordListTooLarge => {
            "; map fewer attributes, select fewer fields, or raise max.message.bytes of the topic"
        }
        ResponseError::TopicAuthorizationFailed | ResponseError::ClusterAuthorizationFailed => {
            "; give the one who signs in leave to write to it"
        }
        ResponseError::InvalidProducerEpoch
        | ResponseError::OutOfOrderSequenceNumber
        | ResponseError::ProducerFenced
        | ResponseError::UnknownProducerId => "; it goes on as another producer",
        ResponseError::UnknownTopicOrPartition => {
            "; create it, or give the one who signs in leave to see it"
        }
        _ => "",
    };
    format!("{code}{advice}")
}

fn said(message: Option<&str>) -> String {
    message.map(|message| format!(" ({message})")).unwrap_or_default()
}
