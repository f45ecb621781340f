//! `segue tail`: reads a hub as any consumer would, over AMQP, and prints what comes.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use segue_amqp::client::{ClientError, Connection, Entra, Namespace, Position, ReceivedEvent};
use segue_amqp::codec::Value as AmqpValue;
use segue_amqp::sas::ConnectionString;
use segue_xdm::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::terminal;

/// Reach of the local hub, as the official emulator's.
pub(crate) const EMULATOR: &str = "Endpoint=sb://localhost;\
    SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;\
    UseDevelopmentEmulator=true;";
/// How long one read waits; it only bounds how soon a lost connection is noticed.
const READ_WAIT: Duration = Duration::from_secs(30);
/// Pause before a lost partition is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Events of one read.
const BATCH_EVENTS_MAX: usize = 100;

/// Read an event hub, and follow it
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue tail activations
  segue tail activations --from earliest --json
  segue tail activations --from @42                       # from sequence number 42 on
  segue tail activations --from 2026-01-01T10:00:00Z
  segue tail orders --connection \"$CONNECTION_STRING\"
  segue tail orders --namespace shop.servicebus.windows.net   # as who we are in Entra ID")]
pub(crate) struct Tail {
    /// Name of the event hub
    hub: String,
    /// earliest, latest, @SEQUENCE_NUMBER, or a time (RFC 3339)
    #[arg(long, default_value = "latest", value_parser = parse_position)]
    from: Position,
    /// Consumer group
    #[arg(long, default_value = "$Default")]
    group: String,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// End after this many events
    #[arg(short = 'n', long)]
    count: Option<u64>,
    /// Connection string of the namespace; the local hub's when left out
    #[arg(long, env = "SEGUE_HUB_CONNECTION", hide_env_values = true, default_value = EMULATOR)]
    connection: String,
    /// Namespace to reach as the identity that the environment gives us in Entra ID
    /// (AZURE_CLIENT_ID and so on, or the machine's), instead of with a connection string
    #[arg(long, value_name = "HOST", conflicts_with = "connection")]
    namespace: Option<String>,
}

/// A partition's event, or why it cannot be read for now.
type Arrival = (String, Result<ReceivedEvent, ClientError>);

impl Tail {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let target = self.target()?;
        let connection = Connection::connect(&target).await.with_context(|| {
            format!("cannot reach the hub at {}; is `segue serve` running?", target.host())
        })?;
        let partitions = connection.hub_info(&self.hub).await?.partition_ids;
        connection.close().await?;
        let (arrivals, mut arrived) = mpsc::channel(BATCH_EVENTS_MAX);
        for partition in partitions {
            let reader = PartitionReader {
                target: target.clone(),
                hub: self.hub.clone(),
                group: self.group.clone(),
                partition,
                next: self.from.clone(),
            };
            tokio::spawn(reader.follow(arrivals.clone()));
        }
        drop(arrivals);
        let mut left = self.count.unwrap_or(u64::MAX);
        while left > 0 {
            let Some((partition, arrival)) = arrived.recv().await else {
                bail!("no partition of {} can be read", self.hub);
            };
            match arrival {
                Ok(event) => {
                    terminal::line(self.render(&partition, &event));
                    left -= 1;
                }
                Err(error) => terminal::note(format!("partition {partition}: {error}")),
            }
        }
        Ok(())
    }

    fn target(&self) -> anyhow::Result<Namespace> {
        Ok(match &self.namespace {
            Some(host) => Namespace::new(host, Entra::from_environment()?),
            None => Namespace::from(&ConnectionString::parse(&self.connection)?),
        })
    }

    fn render(&self, partition: &str, event: &ReceivedEvent) -> String {
        if self.json {
            return as_json(partition, event).to_string();
        }
        let time = Timestamp::from_millis(event.enqueued_time_ms);
        let body = String::from_utf8_lossy(&event.body);
        format!("{time}  {partition}/{}  {body}", event.sequence_number)
    }
}

fn parse_position(text: &str) -> Result<Position, String> {
    match (text, text.strip_prefix('@')) {
        ("earliest", _) => Ok(Position::Earliest),
        ("latest", _) => Ok(Position::Latest),
        (_, Some(number)) => match number.parse() {
            Ok(number) => Ok(Position::SequenceNumber { number, inclusive: true }),
            Err(_) => Err(format!("{number:?} is not a sequence number")),
        },
        (time, None) => match Timestamp::parse(time) {
            Ok(time) => Ok(Position::EnqueuedTime(time.as_millis())),
            Err(error) => Err(format!("neither earliest, latest, @NUMBER nor a time: {error}")),
        },
    }
}

fn as_json(partition: &str, event: &ReceivedEvent) -> Value {
    let text = String::from_utf8_lossy(&event.body);
    let body = serde_json::from_slice(&event.body).unwrap_or_else(|_| json!(text));
    let mut properties = Map::new();
    for (key, value) in event.properties.iter() {
        let key = key.as_str().unwrap_or_default().to_owned();
        properties.insert(key, scalar(value));
    }
    json!({
        "partition": partition,
        "sequenceNumber": event.sequence_number,
        "offset": event.offset,
        "enqueuedTime": Timestamp::from_millis(event.enqueued_time_ms).to_string(),
        "partitionKey": event.partition_key,
        "properties": properties,
        "body": body,
    })
}

/// An application property: a text, a number or a flag.
fn scalar(value: &AmqpValue) -> Value {
    let number = || value.as_i64().map(Value::from);
    let flag = || value.as_bool().map(Value::from);
    value.as_str().map(Value::from).or_else(number).or_else(flag).unwrap_or(Value::Null)
}

/// One partition, followed for ever, over connections that may be lost.
struct PartitionReader {
    target: Namespace,
    hub: String,
    group: String,
    partition: String,
    next: Position,
}

impl PartitionReader {
    /// Ends when nobody listens any more, or on an error that trying again cannot mend.
    async fn follow(mut self, arrivals: mpsc::Sender<Arrival>) {
        while let Err(error) = self.read(&arrivals).await {
            let retryable = error.is_retryable();
            let told = arrivals.send((self.partition.clone(), Err(error))).await;
            if told.is_err() || !retryable {
                return;
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn read(&mut self, arrivals: &mpsc::Sender<Arrival>) -> Result<(), ClientError> {
        let connection = Connection::connect(&self.target).await?;
        let mut receiver =
            connection.receiver(&self.hub, &self.group, &self.partition, &self.next).await?;
        loop {
            for event in receiver.next_batch(BATCH_EVENTS_MAX, READ_WAIT).await? {
                let number = event.sequence_number;
                self.next = Position::SequenceNumber { number, inclusive: false };
                if arrivals.send((self.partition.clone(), Ok(event))).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_written_in_four_ways() {
        assert_eq!(parse_position("earliest"), Ok(Position::Earliest));
        let number = Position::SequenceNumber { number: 42, inclusive: true };
        assert_eq!(parse_position("@42"), Ok(number));
        let time = Position::EnqueuedTime(1_767_261_600_000);
        assert_eq!(parse_position("2026-01-01T10:00:00Z"), Ok(time));
        assert!(parse_position("yesterday").unwrap_err().contains("neither earliest"));
    }
}
