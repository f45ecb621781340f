//! One life of Segue on the simulated machine, step by step.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use segue_core::{Definition, Input};
use segue_hub::Hub;
use segue_runtime::{
    Accepted, Applying, ChangeMode, Clock, DefinitionChange, Expected, Runtime, RuntimeError, Steps,
};

use crate::ledger::{Answer, Ledger};
use crate::machine::Machine;

/// Steps in which a machine without faults must have done everything there is to do.
const DRAIN_ROUNDS: usize = 2000;

/// Profiles that follow in one step of a drain.
const DRAIN_PROFILES: u64 = 5;

pub(crate) struct Process {
    pub(crate) hub: Hub,
    pub(crate) runtime: Runtime,
    pub(crate) steps: Steps,
    unanswered: Vec<Request>,
}

/// Inputs that were sent, and their answer.
struct Request {
    inputs: Vec<Input>,
    answer: Pin<Box<dyn Future<Output = Result<Accepted, RuntimeError>>>>,
}

impl Process {
    pub(crate) fn start(machine: &Machine) -> Result<Process, String> {
        let (hub, runtime, steps) = machine.start()?;
        Ok(Process { hub, runtime, steps, unanswered: Vec::new() })
    }

    /// Sends inputs; the answer comes when they are committed, or at once.
    pub(crate) fn send(&mut self, inputs: Vec<Input>, ledger: &mut Ledger) {
        let (runtime, sent) = (self.runtime.clone(), inputs.clone());
        let answer = Box::pin(async move { runtime.submit(&sent).await });
        self.unanswered.push(Request { inputs, answer });
        self.hear(ledger);
    }

    /// Notes the answers that have come.
    pub(crate) fn hear(&mut self, ledger: &mut Ledger) {
        let mut context = Context::from_waker(Waker::noop());
        self.unanswered.retain_mut(|request| {
            let answer = match request.answer.as_mut().poll(&mut context) {
                Poll::Pending => return true,
                Poll::Ready(Ok(accepted)) => Answer::Accepted(accepted.first_position),
                Poll::Ready(Err(error)) => Answer::of_error(&error),
            };
            ledger.note(&request.inputs, answer);
            false
        });
    }

    /// Saves a definition, which must be a new version, if everything before it is applied.
    pub(crate) fn define(&mut self, definition: Definition, ledger: &mut Ledger) {
        if !self.apply_all() {
            return;
        }
        let input = Input::Define(definition.clone());
        let change = DefinitionChange::Define { definition, expected: Expected::Any };
        let answer = match self.runtime.change_definitions(vec![change], ChangeMode::Apply) {
            // It is in the log, and waits for being applied.
            Err(RuntimeError::NotCaughtUp { position, .. }) => Answer::Accepted(position - 1),
            Err(error) => Answer::of_error(&error),
            Ok(changed) => panic!("nothing applies it, and yet {changed:?}"),
        };
        ledger.note(&[input], answer);
        self.hear(ledger);
    }

    /// Applies what is durable; false if something is in the way.
    pub(crate) fn apply_all(&mut self) -> bool {
        loop {
            match self.steps.apply().unwrap_or_else(|error| panic!("{error}")) {
                Applying::Done => {}
                Applying::Idle => return true,
                Applying::Blocked => return false,
            }
        }
    }

    /// Lets a machine without faults do everything there is to do.
    pub(crate) fn drain(&mut self, machine: &Machine, ledger: &mut Ledger) {
        for _ in 0..DRAIN_ROUNDS {
            self.steps.commit();
            self.hear(ledger);
            let steps = [self.steps.tick(), self.steps.follow(DRAIN_PROFILES)];
            steps.into_iter().for_each(|step| step.unwrap_or_else(|error| panic!("{error}")));
            let is_applied = self.apply_all();
            self.steps.begin_checkpoint().unwrap_or_else(|error| panic!("{error}"));
            self.steps.encode_checkpoint(usize::MAX);
            let is_written = self.steps.write_checkpoint();
            if is_applied && is_written && self.is_quiet(machine) {
                return;
            }
        }
        panic!("it does not come to rest, though nothing fails: {:?}", self.runtime.status());
    }

    fn is_quiet(&self, machine: &Machine) -> bool {
        let status = self.runtime.status();
        let now = machine.clock.now();
        let is_due = status.next_wake.is_some_and(|moment| moment <= now);
        let is_done = status.caught_up && status.backlog == 0 && status.jobs == 0 && !is_due;
        is_done && status.problem.is_none() && status.checkpointed == status.head
    }

    /// Ends at once, in whatever state; nothing more is written.
    pub(crate) fn die(self, machine: &Machine, ledger: &mut Ledger) {
        machine.disk.lose_power_after(0);
        for request in self.unanswered {
            ledger.note(&request.inputs, Answer::Unknown);
        }
    }
}
