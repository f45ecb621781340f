//! The handle that everybody else holds.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use segue_core::{
    Audience, AudienceTally, Comparison, Definition, DefinitionView, DryRun, Engine, Estimate,
    Explanation, GraphView, Input, Job, JobState, Kind, ProfileId, ProfileView,
};
use segue_xdm::{Identity, Timestamp};

use crate::activation_log::ActivationLog;
use crate::applier::{Applier, Limits, Replay};
use crate::archive::LogArchive;
use crate::backup;
use crate::checkpoint::{Checkpoint, FjallStore, SnapshotDesk, StateStore, StoreError};
use crate::data_dir::{self, DataDir};
use crate::definitions::{self, ChangeMode, Changed, DefinitionChange};
use crate::erasure::{Ledger, Receipt};
use crate::error::RecoveryError;
use crate::ids::IdIndex;
use crate::input_log::{Accepted, InputLog};
use crate::observer::Observer;
use crate::options::GLANCE_TIME_MAX;
use crate::progress::{Ahead, Progress};
use crate::questions::{self, SurveyObserver};
use crate::recovery::{Recovered, Recovery};
use crate::shared::{Shared, SliceTime};
use crate::stages::Stages;
use crate::status::{Health, LiveCounters, ProfilesHeld, Status};
use crate::steps::Steps;
use crate::threads::Threads;
use crate::timer::Timer;
use crate::{RuntimeError, RuntimeOptions, Submission};

/// A running runtime. Clones are the same one; when the last is dropped, it is shut down.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    /// What the engine reads from.
    archive: Arc<LogArchive>,
    options: RuntimeOptions,
    /// Where the log ended at the start.
    replay_end: u64,
    /// Held while definitions are checked and appended.
    definitions: Mutex<()>,
    threads: Mutex<Option<Threads>>,
}

impl Runtime {
    /// Opens the data directory and starts: what the checkpoint lacks is replayed in the
    /// background, while inputs are accepted already.
    ///
    /// # Errors
    /// A data directory that cannot be used or is used by another, logs and a checkpoint that do
    /// not fit together. Nothing was changed then.
    pub fn open(
        options: RuntimeOptions,
        activation_log: Arc<dyn ActivationLog>,
        observer: Arc<dyn Observer>,
    ) -> Result<Runtime, RuntimeError> {
        let data_dir = DataDir::open(&options.data_dir)?;
        let store = FjallStore::open(&data_dir::state(&options.data_dir))?;
        let checkpoint_interval = options.checkpoint_interval;
        let (runtime, steps) =
            Runtime::open_stepped(Arc::new(store), options, activation_log, observer)?;
        let threads = Threads::start(steps, checkpoint_interval, data_dir)?;
        *runtime.0.threads.lock() = Some(threads);
        Ok(runtime)
    }

    /// Opens a runtime without threads, whose parts the caller moves, with the checkpoint in this
    /// store. A read or a change of definitions that is not caught up with fails after the read
    /// timeout, as nothing is applied meanwhile.
    ///
    /// # Errors
    /// As [`Runtime::open`].
    pub fn open_stepped(
        store: Arc<dyn StateStore>,
        options: RuntimeOptions,
        activation_log: Arc<dyn ActivationLog>,
        observer: Arc<dyn Observer>,
    ) -> Result<(Runtime, Steps), RuntimeError> {
        let input = InputLog::open(&data_dir::input(&options.data_dir), &options)?;
        let (storage, ids) = (Arc::clone(&options.host.storage), data_dir::ids(&options.data_dir));
        let ids = IdIndex::open(storage, ids.clone(), options.id_memory_bytes)
            .map_err(|error| unreadable_ids(ids, error))?;
        let checkpoint = Checkpoint::new(store, Arc::new(ids));
        let recovery = Recovery::new(&options, &input, &checkpoint);
        let recovered = recovery.recover(&input, &*activation_log);
        let Recovered { engine, applied, ends, found } =
            recovered.map_err(|error| match error {
                RuntimeError::Store(error) => recovery.unreadable(&error).into(),
                other => other,
            })?;
        let archive = Arc::clone(&recovery.archive);
        let storage = Arc::clone(&options.host.storage);
        let erasures = Ledger::open(storage, data_dir::erasures(&options.data_dir))?;
        // Whoever is erased by an input that is yet to be replayed begins anew with that.
        erasures.bound(|| activation_log.ends());
        let head = input.head();
        let profiles = ProfilesHeld::of(&engine);
        let shared = Arc::new(Shared {
            progress: Progress::new(applied, head, Ahead::of(&engine)),
            engine: RwLock::new(engine),
            input,
            activation_log,
            observer,
            erasures,
            snapshots: SnapshotDesk::default(),
            clock: Arc::clone(&options.clock),
            counters: LiveCounters::default(),
            health: Health::default(),
            profiles: Mutex::new(profiles),
            slice_time: SliceTime::default(),
            stages: Stages::new(applied, head),
            tracer: options.tracer.clone(),
        });
        let replay = Replay { end: head, ends, found, is_told: false };
        let steps = Steps {
            applier: Applier::new(
                Arc::clone(&shared),
                recovery,
                Limits {
                    profile_memory_bytes: options.profile_memory_bytes,
                    apply_bytes: options.apply_bytes,
                    threads: options.engine_threads,
                },
                applied,
                replay,
            ),
            checkpoint,
            timer: Timer::default(),
            advance: None,
            shared: Arc::clone(&shared),
        };
        let runtime = Runtime(Arc::new(Inner {
            shared,
            archive,
            options,
            replay_end: head,
            definitions: Mutex::new(()),
            threads: Mutex::new(None),
        }));
        Ok((runtime, steps))
    }

    /// Logical time: what an input that is submitted now would get, or somewhat more.
    pub fn now(&self) -> Timestamp {
        self.0.shared.input.now()
    }

    /// Accepts events, records and erasures, all or none. Resolves when they are durable; they
    /// are applied soon after. Once it is polled, dropping it no longer takes the inputs back.
    ///
    /// # Errors
    /// [`RuntimeError::Busy`], [`RuntimeError::TooLarge`], [`RuntimeError::NotSubmittable`],
    /// [`RuntimeError::Stopped`] and [`RuntimeError::Log`]. Nothing was accepted then.
    pub async fn submit(&self, inputs: &[Input]) -> Result<Accepted, RuntimeError> {
        self.submit_gathered(&Submission::of(inputs)).await
    }

    /// [`Runtime::submit`] of inputs that were gathered one by one. Their trace is kept with them,
    /// and the activations that they cause continue it.
    ///
    /// # Errors
    /// As [`Runtime::submit`].
    pub async fn submit_gathered(&self, inputs: &Submission) -> Result<Accepted, RuntimeError> {
        match self.check_submittable(inputs)? {
            Some(nothing) => Ok(nothing),
            None => self.0.shared.append(inputs, self.0.options.backlog_limit).await,
        }
    }

    /// Resolves when there is room for inputs: whoever is [`Busy`](RuntimeError::Busy) otherwise
    /// waits for this, for as long as the sender has patience.
    pub async fn room(&self) {
        let Shared { progress, input, .. } = &*self.0.shared;
        progress.room(self.0.options.backlog_limit, || input.head()).await;
    }

    /// [`Runtime::submit`] for threads that may block.
    ///
    /// # Errors
    /// As [`Runtime::submit`].
    pub fn submit_blocking(&self, inputs: &[Input]) -> Result<Accepted, RuntimeError> {
        let inputs = Submission::of(inputs);
        match self.check_submittable(&inputs)? {
            Some(nothing) => Ok(nothing),
            None => self.0.shared.append_blocking(&inputs, self.0.options.backlog_limit),
        }
    }

    /// The answer to an empty batch, `None` for one that can be appended.
    fn check_submittable(&self, inputs: &Submission) -> Result<Option<Accepted>, RuntimeError> {
        if let Some(index) = inputs.internal() {
            return Err(RuntimeError::NotSubmittable { index });
        }
        let first_position = self.0.shared.input.head();
        Ok(inputs.is_empty().then(|| Accepted { first_position, time: self.now() }))
    }

    /// The profile that an identity belongs to, as it is at this moment. Blocks until everything
    /// that was acknowledged before the call is applied, and every window that ran out has closed.
    ///
    /// # Errors
    /// [`RuntimeError::NotCaughtUp`] when that takes too long, [`RuntimeError::Stopped`].
    pub fn profile(&self, identity: &Identity) -> Result<Option<ProfileView>, RuntimeError> {
        self.read(|engine| engine.profile(identity))
    }

    /// The profile with an id, also one that was merged into another within 30 days. Blocks as
    /// [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn profile_by_id(&self, id: ProfileId) -> Result<Option<ProfileView>, RuntimeError> {
        self.read(|engine| engine.profile_by_id(id))
    }

    /// The identities and links of the profile that an identity belongs to. Blocks as
    /// [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn graph(&self, identity: &Identity) -> Result<Option<GraphView>, RuntimeError> {
        self.read(|engine| engine.graph(identity))
    }

    /// Why the profile that an identity belongs to is in an audience, or why it is not, at this
    /// moment; `None` when there is no such profile or no such audience. Blocks as
    /// [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn explain(
        &self,
        identity: &Identity,
        audience: &str,
    ) -> Result<Option<Explanation>, RuntimeError> {
        self.read(|engine| engine.explain(identity, audience, self.now()))
    }

    /// What these inputs would do if they came at this moment; nothing happens. Blocks as
    /// [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn dry_run(&self, inputs: Vec<Input>) -> Result<DryRun, RuntimeError> {
        self.read(|engine| engine.dry_run(inputs, self.now()))
    }

    /// Counts who is, or would be, in an audience, over all profiles. Inputs are applied
    /// meanwhile. The observer hears of the progress; where it breaks off, the estimate is of the
    /// profiles looked at by then.
    ///
    /// # Errors
    /// [`RuntimeError::Refused`] when the audience does not fit the definitions in effect, and as
    /// [`Runtime::profile`].
    pub fn estimate(
        &self,
        audience: &Audience,
        observer: SurveyObserver<'_>,
    ) -> Result<Estimate, RuntimeError> {
        self.wait_current()?;
        let timeout = self.0.options.read_timeout;
        let Inner { archive, shared, .. } = &*self.0;
        archive.watch(|| questions::estimate(shared, audience, timeout, observer))?
    }

    /// Finds who would enter and leave which audience if these definitions were published
    /// together. Nothing is published, and inputs are applied meanwhile. The observer is that of
    /// [`Runtime::estimate`].
    ///
    /// # Errors
    /// As [`Runtime::estimate`].
    pub fn compare(
        &self,
        definitions: Vec<Definition>,
        observer: SurveyObserver<'_>,
    ) -> Result<Comparison, RuntimeError> {
        self.wait_current()?;
        let timeout = self.0.options.read_timeout;
        let Inner { archive, shared, .. } = &*self.0;
        archive.watch(|| questions::compare(shared, definitions, timeout, observer))?
    }

    /// A definition with its version. Blocks as [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn definition(&self, kind: Kind, id: &str) -> Result<Option<DefinitionView>, RuntimeError> {
        self.read(|engine| engine.definition(kind, id))
    }

    /// All definitions of a kind, by id. Blocks as [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn definitions(&self, kind: Kind) -> Result<Vec<DefinitionView>, RuntimeError> {
        self.read(|engine| engine.definitions(kind))
    }

    /// The jobs that run and those that ended last, by id. Blocks as [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn jobs(&self) -> Result<Vec<Job>, RuntimeError> {
        self.read(|engine| engine.jobs().collect())
    }

    /// The job with an id. Blocks as [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn job(&self, id: u64) -> Result<Option<Job>, RuntimeError> {
        self.read(|engine| engine.job(id))
    }

    /// The receipt of an erasure, by the position at which [`Input::Forget`] was accepted. Blocks
    /// as [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn erasure(&self, id: u64) -> Result<Option<Receipt>, RuntimeError> {
        self.wait_current()?;
        Ok(self.0.shared.erasures.receipt(id))
    }

    /// Writes an export of everything that was acknowledged before this call, and what came of it;
    /// inputs are applied meanwhile. `open` is called when the export begins. Blocks as long as
    /// writing takes.
    ///
    /// # Errors
    /// [`RuntimeError::Log`] when the input log cannot be written, and
    /// [`RuntimeError::NotCaughtUp`] when no checkpoint comes far enough in time, both before
    /// `open` is called; [`RuntimeError::Export`] when the writing breaks off.
    pub fn export<W: std::io::Write>(&self, open: impl FnOnce() -> W) -> Result<(), RuntimeError> {
        backup::export(&self.0.shared, self.0.options.read_timeout, open)
    }

    /// At most `max` receipts of erasures, the newest first; those before `before` only. Blocks as
    /// [`Runtime::profile`] does.
    ///
    /// # Errors
    /// As [`Runtime::profile`].
    pub fn erasures(&self, before: Option<u64>, max: usize) -> Result<Vec<Receipt>, RuntimeError> {
        self.wait_current()?;
        Ok(self.0.shared.erasures.receipts(before, max))
    }

    /// Saves and removes definitions, all or none; they may refer to each other in any order.
    /// Blocks until they have taken effect. Changes of other callers come before or after, never
    /// in between.
    ///
    /// # Errors
    /// [`RuntimeError::Refused`] with every violation of every change, [`RuntimeError::Conflict`],
    /// [`RuntimeError::NotFound`]; and those of [`Runtime::profile`] and [`Runtime::submit`].
    pub fn change_definitions(
        &self,
        changes: Vec<DefinitionChange>,
        mode: ChangeMode,
    ) -> Result<Vec<Changed>, RuntimeError> {
        let _alone = self.0.definitions.lock();
        definitions::change(&self.0.shared, changes, mode, self.0.options.read_timeout)
    }

    /// Where the runtime stands. Never blocks for long.
    pub fn status(&self) -> Status {
        let shared = &self.0.shared;
        let applied = shared.progress.applied();
        Status {
            applied,
            head: shared.input.head(),
            backlog: shared.progress.backlog(shared.input.head()),
            caught_up: applied >= self.0.replay_end,
            next_wake: shared.progress.next_wake(),
            jobs: shared.progress.jobs() as u64,
            checkpointed: shared.progress.checkpointed(),
            problem: shared.health.problem(),
            profiles: *shared.profiles.lock(),
            counters: shared.counters.snapshot(),
        }
    }

    /// The parts that are in trouble at the moment, and why.
    #[must_use]
    pub fn troubles(&self) -> Vec<(&'static str, String)> {
        let problems = self.0.shared.health.problems().into_iter();
        problems.map(|(part, problem)| (part.as_str(), problem)).collect()
    }

    /// How many profiles are in every audience, enter and leave it; `None` when the engine is
    /// busy for long.
    #[must_use]
    pub fn audience_tallies(&self) -> Option<Vec<(String, AudienceTally)>> {
        self.glance(|engine| {
            let tallies = engine.audience_tallies();
            tallies.map(|(audience, tally)| (audience.to_owned(), tally)).collect()
        })
    }

    /// The jobs that run, the oldest first; `None` when the engine is busy for long.
    #[must_use]
    pub fn running_jobs(&self) -> Option<Vec<Job>> {
        let is_running = |job: &Job| job.state == JobState::Running;
        self.glance(|engine| engine.jobs().filter(is_running).collect())
    }

    /// How long inputs take from stage to stage.
    #[must_use]
    pub fn stages(&self) -> &Stages {
        &self.0.shared.stages
    }

    /// Stops: takes no more inputs, applies those that are durable, writes a checkpoint and gives
    /// the data directory back. A second call does nothing.
    ///
    /// # Errors
    /// What was in trouble at the end. Nothing that was acknowledged is lost, but the next start
    /// has more to replay.
    pub fn shutdown(&self) -> Result<(), RuntimeError> {
        self.0.shutdown()
    }

    /// Looks at the state as it is, whatever waits to be applied.
    fn glance<T>(&self, look: impl FnOnce(&Engine) -> T) -> Option<T> {
        Some(look(&*self.0.shared.engine.try_read_for(GLANCE_TIME_MAX)?))
    }

    fn read<T>(&self, look: impl FnOnce(&Engine) -> T) -> Result<T, RuntimeError> {
        self.wait_current()?;
        self.0.archive.watch(|| look(&self.0.shared.engine.read()))
    }

    /// Waits until the state holds everything that was acknowledged.
    fn wait_current(&self) -> Result<(), RuntimeError> {
        let Shared { progress, clock, .. } = &*self.0.shared;
        progress.wait_applied(progress.acknowledged(), self.0.options.read_timeout)?;
        // The timer thread is about to; right after a start it may not have come to it yet.
        progress.wait_fired(clock.now(), self.0.options.read_timeout)
    }
}

impl Inner {
    fn shutdown(&self) -> Result<(), RuntimeError> {
        let Some(threads) = self.threads.lock().take() else {
            return Ok(());
        };
        self.shared.progress.stop("it was shut down");
        self.shared.input.close();
        self.archive.stop_merging();
        threads.join();
        self.archive.close();
        match self.shared.health.problem() {
            None => Ok(()),
            Some(reason) => Err(RuntimeError::Stopped { reason }),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.shutdown() {
            tracing::error!(%error, "stopped in trouble");
        }
    }
}

/// Damage stays; anything else may pass.
fn unreadable_ids(directory: PathBuf, error: io::Error) -> RuntimeError {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            RecoveryError::UnreadableIds { directory, problem: error.to_string() }.into()
        }
        _ => StoreError(format!("cannot open {}: {error}", directory.display())).into(),
    }
}
