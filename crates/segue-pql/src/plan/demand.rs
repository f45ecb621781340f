//! Which events must be kept for a leaf to be decided exactly, whatever comes later and however
//! late.
//!
//! Late events, and the events of another profile in a merge, only ever add to what is kept, and
//! the newest n of two sets are among the newest n of each. So what is kept of two sets is what
//! must be kept of both.

use segue_xdm::Path;

use super::event_test::EventTest;
use super::leaf::{Form, Leaf, Step, Window};

/// Events that must be kept.
#[derive(Clone, Debug)]
pub struct Demand {
    /// Of which events.
    pub events: EventTest,
    /// The value that is wanted of each; an event without it is not wanted.
    pub value: Option<Path>,
    /// Which of them.
    pub keep: Keep,
    /// An event that counts no longer is not wanted.
    pub window: Window,
}

/// Which events of a set are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// So many of the newest of those that count already, and all that will only count later.
    Newest(usize),
    /// So many of the earliest.
    Earliest(usize),
    /// Those that the steps after this one may still need: with the newest events of the last step
    /// taken, and before them the newest of the step before and so on, so many of the newest that
    /// lie before those; and all that lie after them.
    Leading(usize),
    /// All of them.
    All,
    /// None of them, but the totals of their values.
    Totals,
}

impl Leaf {
    /// What must be kept, in the order in which [`over`](Leaf::over) wants it.
    #[must_use]
    pub fn demands(&self) -> Vec<Demand> {
        match &self.form {
            Form::Count { events, window, counting } => vec![Demand {
                events: events.clone(),
                value: None,
                keep: Keep::Newest(counting.decided_by()),
                window: window.clone(),
            }],
            Form::Sequence(steps) => {
                let keep = keep_for_steps(steps).into_iter();
                let demand = |(step, keep): (&Step, Keep)| Demand {
                    events: step.events.clone(),
                    value: None,
                    keep,
                    window: step.window.clone(),
                };
                steps.iter().zip(keep).map(demand).collect()
            }
            Form::Total(total) => vec![Demand {
                events: total.events.clone(),
                value: Some(total.value.clone()),
                keep: if total.window.is_always() { Keep::Totals } else { Keep::All },
                window: total.window.clone(),
            }],
            Form::Attribute | Form::Member(_) | Form::Interpreted(_) => Vec::new(),
        }
    }
}

/// Where every step only takes events, later ones are the better ones: they leave the steps before
/// more room, and make way later. Only of a first step whose events never make way, earlier ones
/// are as good, and need no look at the other steps.
///
/// ```text
/// A ─ A ─ A ─ B ─ A ─ B ─ A ─ A        for A, then B: the newest B, the newest A before it,
///                 A   B   A   A        and what a later B may still come after
/// ```
fn keep_for_steps(steps: &[Step]) -> Vec<Keep> {
    if !steps.iter().all(Step::is_plain) {
        return vec![Keep::All; steps.len()];
    }
    let keep = |(place, step): (usize, &Step)| {
        let taken = step.counting.min as usize;
        match place {
            last if last + 1 == steps.len() => Keep::Newest(taken),
            0 if step.window.is_always() => Keep::Earliest(taken),
            _ => Keep::Leading(taken),
        }
    };
    steps.iter().enumerate().map(keep).collect()
}
