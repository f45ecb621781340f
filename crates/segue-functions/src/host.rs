//! The host: an app on disk becomes functions that listen.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use segue_telemetry::Tracer;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::amqp_hubs::AmqpHubs;
use crate::app::App;
use crate::backoff::StopSignal;
use crate::dead_letters::DeadLetters;
use crate::error::StartError;
use crate::function_spec::{FunctionSpec, RegisteredFunction, Trigger};
use crate::hub::EventHubs;
use crate::listener::{Listener, Surroundings};
use crate::node_runtime::NodeRuntime;
use crate::observer::{FunctionEvent, FunctionInfo, FunctionObserver};
use crate::worker::{Launch, LoadedApp, node};

/// Where Node's inspector listens unless another port is asked for.
pub const DEFAULT_INSPECTOR_PORT: u16 = 9229;

/// How long running invocations may take to finish when the host stops.
const FINISH_GRACE: Duration = Duration::from_secs(5);

/// How long the app's terminate hooks may take.
const TERMINATE_GRACE: Duration = Duration::from_secs(2);

/// What a host runs, and how.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The app: the directory with its host.json.
    pub app_dir: PathBuf,
    /// Where checkpoints and dead letters are kept; created when missing. One host at a time.
    pub data_dir: PathBuf,
    /// Settings that beat both local.settings.json and the environment.
    pub settings_override: BTreeMap<String, String>,
    /// Open Node's inspector on this port (see [`DEFAULT_INSPECTOR_PORT`]), or on a free one when
    /// it is taken; the observer learns which.
    pub inspect: Option<u16>,
    /// Load no user code and deliver nothing before a debugger is attached. Opens the inspector.
    pub break_on_start: bool,
    /// As Azure: checkpoint even when a function has failed, keep no dead letters.
    pub azure_semantics: bool,
    /// The Node to use; the first `node` on the PATH otherwise.
    pub node_path: Option<PathBuf>,
    /// What records the spans of runs.
    pub tracer: Tracer,
}

impl HostOptions {
    /// An app and a data directory, and the defaults for all the rest.
    pub fn new(app_dir: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> HostOptions {
        HostOptions {
            app_dir: app_dir.into(),
            data_dir: data_dir.into(),
            settings_override: BTreeMap::new(),
            inspect: None,
            break_on_start: false,
            azure_semantics: false,
            node_path: None,
            tracer: Tracer::default(),
        }
    }
}

/// A running app. Dropping it ends everything at once, [`FunctionHost::stop`] in good order; no
/// event is lost either way.
pub struct FunctionHost {
    functions: Vec<FunctionInfo>,
    listeners: Vec<Arc<Listener>>,
    around: Arc<Surroundings>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl FunctionHost {
    /// Starts an app whose functions listen to event hubs over AMQP.
    ///
    /// Returns when the app is loaded; with `break_on_start`, that is after a debugger has
    /// attached. Hubs may come later: see [`FunctionHost::listening`].
    ///
    /// # Errors
    /// Whatever the user has to fix first: see [`StartError`].
    pub async fn start(
        options: HostOptions,
        observer: Arc<dyn FunctionObserver>,
    ) -> Result<FunctionHost, StartError> {
        FunctionHost::start_with(options, Arc::new(AmqpHubs::default()), observer).await
    }

    /// The same with hubs of another kind.
    ///
    /// # Errors
    /// As [`FunctionHost::start`].
    pub async fn start_with(
        options: HostOptions,
        hubs: Arc<dyn EventHubs>,
        observer: Arc<dyn FunctionObserver>,
    ) -> Result<FunctionHost, StartError> {
        let app = App::load(&options.app_dir, &options.settings_override)?;
        let dead_letters = DeadLetters::open(&options.data_dir)?;
        let launch = launch(&app, &options).await?;
        let (runtime, loaded) = NodeRuntime::start(launch, Arc::clone(&observer)).await?;
        if loaded.functions.is_empty() {
            return Err(StartError::NoFunctions { hint: hint(&loaded), dir: app.dir });
        }

        let mut functions = Vec::new();
        let mut listeners = Vec::new();
        for registered in &loaded.functions {
            let (info, listener) = understand(&app, registered, &options)?;
            functions.push(info);
            listeners.extend(listener.map(Arc::new));
        }
        observer.observe(&FunctionEvent::FunctionsLoaded {
            model: loaded.model,
            functions: functions.clone(),
        });

        let (stop, signal) = StopSignal::new();
        let around = Arc::new(Surroundings {
            runtime,
            hubs,
            dead_letters,
            observer,
            tracer: options.tracer,
            azure_semantics: options.azure_semantics,
            stop: signal,
        });
        let mut tasks = JoinSet::new();
        for listener in &listeners {
            tasks.spawn(Arc::clone(listener).run(Arc::clone(&around)));
        }
        Ok(FunctionHost { functions, listeners, around, stop, tasks })
    }

    /// Every function of the app, those that do not run included.
    pub fn functions(&self) -> &[FunctionInfo] {
        &self.functions
    }

    /// Ends when every function receives from every partition of its hub: the host is ready.
    pub async fn listening(&self) {
        for listener in &self.listeners {
            let mut listening = listener.listening.subscribe();
            // The sender lives as long as the listener.
            let _ = listening.wait_for(|now| now.partitions == Some(now.opened)).await;
        }
    }

    /// The events that functions have failed for good.
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.around.dead_letters
    }

    /// Takes no more events, lets running invocations finish, writes the checkpoints and ends the
    /// worker.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let finish = async { while self.tasks.join_next().await.is_some() {} };
        let finished = tokio::time::timeout(FINISH_GRACE, finish).await;
        self.around.runtime.stop(TERMINATE_GRACE).await;
        if finished.is_err() {
            // What still ran has ended with the worker; it is not checkpointed and comes again.
            while self.tasks.join_next().await.is_some() {}
        }
    }
}

async fn launch(app: &App, options: &HostOptions) -> Result<Launch, StartError> {
    let path = std::env::var_os("PATH");
    let node_path = options.node_path.as_deref();
    let inspect = options.break_on_start.then_some(DEFAULT_INSPECTOR_PORT);
    Ok(Launch {
        node: node::find(node_path, path.as_deref()).await?,
        script: node::write_script(&options.data_dir)?,
        app_dir: app.dir.clone(),
        environment: app.settings.worker_environment().clone(),
        node_arguments: app.node_arguments(),
        inspect: options.inspect.or(inspect),
        break_on_start: options.break_on_start,
    })
}

/// What a registered function is, and its listener when it runs.
fn understand(
    app: &App,
    registered: &RegisteredFunction,
    options: &HostOptions,
) -> Result<(FunctionInfo, Option<Listener>), StartError> {
    let function = registered.name.clone();
    let spec = FunctionSpec::read(registered)
        .map_err(|message| StartError::Function { function, message })?;
    let mut info = FunctionInfo {
        name: spec.name.clone(),
        trigger: spec.trigger.kind().to_owned(),
        source: None,
        not_run: app.excluded(&spec.name, registered.disabled).map(str::to_owned),
    };
    let trigger = match &spec.trigger {
        Trigger::EventHub(trigger) if info.not_run.is_none() => trigger.clone(),
        Trigger::EventHub(_) => return Ok((info, None)),
        Trigger::Unsupported { reason, .. } => {
            info.not_run.get_or_insert(reason.clone());
            return Ok((info, None));
        }
    };
    let listener = Listener::new(app, spec, &trigger, &options.data_dir)?;
    let group = &listener.trigger.consumer_group;
    info.source = Some(format!("{} ({group})", listener.hub.event_hub));
    Ok((info, Some(listener)))
}

fn hint(loaded: &LoadedApp) -> String {
    match &loaded.main {
        Some(main) if loaded.main_files.is_empty() => format!(
            "\"main\" in package.json is \"{main}\", which matches no file, and no folder has a \
             function.json"
        ),
        Some(main) => format!(
            "the files of \"main\" in package.json ({main}) register none, and no folder has a \
             function.json"
        ),
        None => "set \"main\" in package.json to the files that register them, or give each \
                 function a folder with a function.json"
            .to_owned(),
    }
}
