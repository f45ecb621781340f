//! A function and what it listens to: one task per partition, all of them independent.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use segue_amqp::client::Namespace;
use segue_amqp::sas::ConnectionString;
use segue_telemetry::Tracer;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::app::host_json::EventHubsOptions;
use crate::app::settings::{HubConnection, Settings};
use crate::backoff::{Backoff, StopSignal, Stopped};
use crate::checkpoint::Checkpoints;
use crate::dead_letters::DeadLetters;
use crate::error::StartError;
use crate::function_spec::{Cardinality, EventHubTrigger, FunctionSpec};
use crate::hub::{EventHubs, HubAddress, HubError};
use crate::node_runtime::NodeRuntime;
use crate::observer::{FunctionEvent, FunctionObserver};
use crate::partition::PartitionLoop;
use crate::retry_policy::RetryPolicy;

const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Pauses between tries to reach a hub.
pub(crate) fn hub_backoff() -> Backoff {
    Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE)
}

/// What all functions of a host share.
pub(crate) struct Surroundings {
    pub(crate) runtime: NodeRuntime,
    pub(crate) hubs: Arc<dyn EventHubs>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) observer: Arc<dyn FunctionObserver>,
    pub(crate) tracer: Tracer,
    /// Checkpoint whatever a function does, keep no dead letters.
    pub(crate) azure_semantics: bool,
    pub(crate) stop: StopSignal,
}

/// A function with an event hub trigger, every name in it resolved.
pub(crate) struct Listener {
    pub(crate) spec: FunctionSpec,
    pub(crate) trigger: EventHubTrigger,
    pub(crate) hub: HubAddress,
    /// Where each output binding sends to, by name.
    pub(crate) outputs: BTreeMap<String, HubAddress>,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) options: EventHubsOptions,
    pub(crate) timeout: Option<Duration>,
    pub(crate) checkpoints: Arc<Checkpoints>,
    /// How many partitions the function receives from; `None` before their number is known.
    pub(crate) listening: watch::Sender<Listening>,
}

/// How far a function has come with opening its partitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Listening {
    pub(crate) opened: usize,
    /// `None` before the hub has told.
    pub(crate) partitions: Option<usize>,
}

impl Listener {
    pub(crate) fn new(
        app: &App,
        spec: FunctionSpec,
        trigger: &EventHubTrigger,
        data_dir: &Path,
    ) -> Result<Listener, StartError> {
        let settings = &app.settings;
        let function = spec.name.clone();
        let wrong = |message: String| StartError::Function { function, message };
        let resolved = resolve(settings, trigger, &spec).map_err(wrong)?;
        let mut options = app.host_json.event_hubs.clone();
        if trigger.cardinality == Cardinality::One {
            options.max_event_batch_size = 1;
            options.min_event_batch_size = 1;
        }
        Ok(Listener {
            trigger: resolved.trigger,
            hub: resolved.hub,
            outputs: resolved.outputs,
            retry: spec.retry.clone().or_else(|| app.host_json.retry.clone()),
            options,
            timeout: app.host_json.function_timeout,
            checkpoints: Arc::new(Checkpoints::open(data_dir, &spec.name)?),
            listening: watch::Sender::default(),
            spec,
        })
    }

    /// The name of this source in the checkpoints.
    pub(crate) fn source(&self) -> String {
        format!("{}/{}", self.hub, self.trigger.consumer_group)
    }

    /// Receives until the host stops.
    pub(crate) async fn run(self: Arc<Self>, surroundings: Arc<Surroundings>) {
        let Ok(partitions) = self.find_partitions(&surroundings).await else {
            return;
        };
        self.listening.send_modify(|listening| listening.partitions = Some(partitions.len()));
        let mut loops = JoinSet::new();
        for partition in partitions {
            let listener = Arc::clone(&self);
            loops.spawn(PartitionLoop::new(listener, Arc::clone(&surroundings), partition).run());
        }
        while loops.join_next().await.is_some() {}
    }

    async fn find_partitions(&self, around: &Surroundings) -> Result<Vec<String>, Stopped> {
        let mut backoff = hub_backoff();
        loop {
            let error = tokio::select! {
                found = around.hubs.partitions(&self.hub) => match found {
                    Ok(partitions) => return Ok(partitions),
                    Err(error) => error,
                },
                () = around.stop.given() => return Err(Stopped),
            };
            self.wait_for_hub(around, &self.hub, error, &mut backoff).await?;
        }
    }

    /// Tells of an error and waits. Whatever the error is, it may be mended at the other end (a
    /// hub created, a key renewed), so it never ends a function.
    pub(crate) async fn wait_for_hub(
        &self,
        around: &Surroundings,
        hub: &HubAddress,
        error: HubError,
        backoff: &mut Backoff,
    ) -> Result<(), Stopped> {
        let retry_in = backoff.next();
        around.observer.observe(&FunctionEvent::HubUnavailable {
            function: self.spec.name.clone(),
            event_hub: hub.to_string(),
            message: error.message,
            retry_in,
        });
        around.stop.pause(retry_in).await
    }
}

struct Resolved {
    trigger: EventHubTrigger,
    hub: HubAddress,
    outputs: BTreeMap<String, HubAddress>,
}

fn resolve(
    settings: &Settings,
    trigger: &EventHubTrigger,
    spec: &FunctionSpec,
) -> Result<Resolved, String> {
    let consumer_group =
        settings.resolve(&trigger.consumer_group).map_err(|error| error.to_string())?;
    let outputs = spec.outputs.iter().map(|output| {
        Ok((output.name.clone(), address(settings, &output.connection, &output.event_hub)?))
    });
    Ok(Resolved {
        trigger: EventHubTrigger { consumer_group, ..trigger.clone() },
        hub: address(settings, &trigger.connection, &trigger.event_hub)?,
        outputs: outputs.collect::<Result<_, String>>()?,
    })
}

/// `EntityPath` in the connection string beats the binding's `eventHubName`.
fn address(settings: &Settings, connection: &str, event_hub: &str) -> Result<HubAddress, String> {
    let name = settings.resolve(connection).map_err(|error| error.to_string())?;
    let (connection, entity_path) =
        match settings.connection(&name).map_err(|error| error.to_string())? {
            HubConnection::Identity(namespace) => (namespace, None),
            HubConnection::Text(text) => {
                let text = ConnectionString::parse(text).map_err(|error| {
                    format!("the setting {name} is no connection string: {error}")
                })?;
                (Namespace::from(&text), text.entity_path().map(str::to_owned))
            }
        };
    let event_hub = match entity_path {
        Some(entity_path) => entity_path,
        None => settings.resolve(event_hub).map_err(|error| error.to_string())?,
    };
    Ok(HubAddress { connection, event_hub })
}
