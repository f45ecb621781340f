//! One connection to the hub, and what it can do: number events, or send them by key alone.
//!
//! Whether a hub numbers events, one has to ask: about its partitions, and for a link to the first.
//! Whatever it answers, or does not, events then go as they can. A hub that never heard of numbers
//! serves its events as before.

use std::time::Duration;

use segue_amqp::client::{ClientError, Connection, Namespace, NumberedSender, Sender};
use segue_amqp::message::ProducerIdentity;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::numbers::{Link, Numbers};

/// Of hubs with more partitions, events are not numbered: four links to each are more than a
/// connection has.
const PARTITIONS_MAX: u16 = 60;

/// How long a hub may take to say whether it numbers events. One that does not is not asked again.
const NEGOTIATION_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Links {
    connection: Connection,
    event_hub: String,
    number: u64,
    /// How many partitions the hub has, if events are numbered.
    partitions: Option<u16>,
    /// For events without numbers. The hub chooses the partition.
    plain: OnceCell<Sender>,
}

impl Links {
    /// Connects, and finds out how events are to be sent.
    pub(super) async fn open(
        namespace: &Namespace,
        event_hub: &str,
        numbers: &Numbers,
    ) -> Result<Links, ClientError> {
        let mut links = Links {
            connection: Connection::connect(namespace).await?,
            event_hub: event_hub.to_owned(),
            number: numbers.connect(),
            partitions: None,
            plain: OnceCell::new(),
        };
        if numbers.is_declined() {
            links.plain().await?;
            return Ok(links);
        }
        let negotiated = timeout(NEGOTIATION_TIMEOUT, links.negotiate(numbers)).await;
        let waited_for = "the answer whether the hub numbers events";
        let late = ClientError::Timeout { waited_for, after: NEGOTIATION_TIMEOUT };
        match negotiated.unwrap_or(Err(late)) {
            Ok(Some(partitions)) => links.partitions = Some(partitions),
            Ok(None) => {
                links.plain().await?;
                let why = format!(
                    "the event hub does not offer it, or has more than {PARTITIONS_MAX} partitions"
                );
                numbers.decline(event_hub, &why);
            }
            // What is in doubt should find its numbers again.
            Err(error) if numbers.is_offered() && error.is_retryable() => return Err(error),
            Err(error @ ClientError::Timeout { .. }) => {
                links.plain().await?;
                numbers.decline(event_hub, &error.to_string());
            }
            Err(error) => {
                links.plain().await?;
                numbers.tell(event_hub, &error.to_string());
            }
        }
        Ok(links)
    }

    /// How many partitions the hub has, if it takes numbered events.
    async fn negotiate(&self, numbers: &Numbers) -> Result<Option<u16>, ClientError> {
        let ids = self.connection.hub_info(&self.event_hub).await?.partition_ids;
        let count = u16::try_from(ids.len()).unwrap_or(u16::MAX);
        let are_counted = (0..count).all(|number| ids.contains(&number.to_string()));
        if !are_counted || !(1..=PARTITIONS_MAX).contains(&count) {
            return Ok(None);
        }
        if !numbers.is_offered() {
            let Some(first) = self.numbered(0, None).await? else {
                return Ok(None);
            };
            numbers.offer();
            numbers.take_back(0, first.begin());
        }
        Ok(Some(count))
    }

    /// How many partitions the hub has, if events are numbered.
    pub(super) fn partitions(&self) -> Option<u16> {
        self.partitions
    }

    /// Whether a link is one of these.
    pub(super) fn have(&self, link: &Link) -> bool {
        link.connection == self.number
    }

    /// A link for numbered events: of this producer, or of a new one. None when the hub does not
    /// offer it.
    pub(super) async fn numbered(
        &self,
        partition: u16,
        producer: Option<ProducerIdentity>,
    ) -> Result<Option<Link>, ClientError> {
        let partition = partition.to_string();
        let attached = self.connection.numbered_sender(&self.event_hub, &partition, producer);
        let link = |sender: NumberedSender| Link { connection: self.number, sender };
        Ok(attached.await?.map(link))
    }

    /// The link for events without numbers.
    pub(super) async fn plain(&self) -> Result<&Sender, ClientError> {
        self.plain.get_or_try_init(|| self.connection.sender(&self.event_hub, None)).await
    }
}
