//! Property: a chain holds exactly if some choice of events makes it hold. The choices are all
//! tried, and what must be true of one is said here once more, from the documentation.

use proptest::prelude::*;
use segue_xdm::Timestamp;

use super::history::{Event, MIDNIGHT_MS, history, moment, profile};
use super::sound;

/// A step as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) condition: Condition,
    pub(crate) window: Option<Window>,
    /// Milliseconds.
    pub(crate) within: Option<i64>,
    pub(crate) min: usize,
    pub(crate) max: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    KindAtMost(u8),
    KindIs(u8),
    /// The kind is that of the event which the step with this number took, or is not.
    SameKindAs(usize, bool),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Window {
    Today,
    /// `< so many milliseconds before now`
    Younger(i64),
    /// `>`
    Older(i64),
}

impl Step {
    fn text(&self, number: usize) -> String {
        let condition = match self.condition {
            Condition::KindAtMost(kind) => format!("kind <= {kind}"),
            Condition::KindIs(kind) => format!("kind = {kind}"),
            Condition::SameKindAs(step, true) => format!("kind = C{step}.kind"),
            Condition::SameKindAs(step, false) => format!("kind != C{step}.kind"),
        };
        let window = match self.window {
            Some(Window::Today) => "WHEN(today)".to_owned(),
            Some(Window::Younger(millis)) => format!("WHEN(< {millis} milliseconds before now)"),
            Some(Window::Older(millis)) => format!("WHEN(> {millis} milliseconds before now)"),
            None => String::new(),
        };
        let within =
            self.within.map_or(String::new(), |millis| format!("WITHIN({millis} milliseconds)"));
        let count = match (self.min, self.max) {
            (min, None) => format!("COUNT({min})"),
            (min, Some(max)) if min == max => format!("COUNT(= {max})"),
            (0, Some(max)) => format!("COUNT(<= {max})"),
            (min, Some(max)) => format!("COUNT(between {min} and {max})"),
        };
        format!("C{number}: WHAT({condition}) {window} {within} {count}")
    }

    fn is_positive(&self) -> bool {
        self.min > 0
    }
}

pub(crate) fn text(steps: &[Step]) -> String {
    let steps: Vec<String> =
        steps.iter().enumerate().map(|(number, step)| step.text(number)).collect();
    format!("CHAIN(xEvent, timestamp, [{}])", steps.join(", "))
}

pub(crate) fn chain() -> impl Strategy<Value = Vec<Step>> {
    let condition = prop_oneof![
        3 => (0..3_u8).prop_map(Condition::KindAtMost),
        2 => (0..3_u8).prop_map(Condition::KindIs),
        2 => (0..3_usize, any::<bool>()).prop_map(|(step, same)| Condition::SameKindAs(step, same)),
    ];
    let window = prop_oneof![
        Just(Window::Today),
        (1..50_i64).prop_map(Window::Younger),
        (1..50_i64).prop_map(Window::Older),
    ];
    let count = prop_oneof![
        3 => Just((1, None)),
        2 => (1..4_usize).prop_map(|min| (min, None)),
        2 => (0..3_usize, 0..2_usize).prop_map(|(min, more)| (min, Some(min + more))),
        2 => (0..2_usize).prop_map(|max| (0, Some(max))),
    ];
    let step = (
        condition,
        prop::option::weighted(0.3, window),
        prop::option::weighted(0.4, 1..30_i64),
        count,
    )
        .prop_map(|(condition, window, within, (min, max))| Step {
            condition,
            window,
            within,
            min,
            max,
        });
    prop::collection::vec(step, 1..5).prop_map(allowed)
}

/// The steps, without what may not be written: WITHIN before any positive step, references to steps
/// that do not take one event, and to more than two of them.
fn allowed(mut steps: Vec<Step>) -> Vec<Step> {
    let mut referred = Vec::new();
    for number in 0..steps.len() {
        let (before, rest) = steps.split_at_mut(number);
        let step = &mut rest[0];
        if !before.iter().any(Step::is_positive) {
            step.within = None;
        }
        if let Condition::SameKindAs(other, _) = step.condition {
            let takes_one = before.get(other).is_some_and(|other| other.min == 1);
            if !takes_one
                || (referred.len() == segue_pql::CHAIN_REFERENCES_MAX && !referred.contains(&other))
            {
                step.condition = Condition::KindIs(1);
            } else if !referred.contains(&other) {
                referred.push(other);
            }
        }
    }
    steps
}

/// What the events that positive steps take are, by the places of the events.
type Taken = Vec<Vec<usize>>;

/// Whether some choice of events makes the chain hold.
fn holds_by_patience(steps: &[Step], events: &[Event], now: Timestamp) -> bool {
    let mut choices: Vec<Taken> = vec![vec![]];
    for step in steps {
        choices =
            choices.iter().flat_map(|taken| continued(taken, step.min, events.len())).collect();
    }
    choices.iter().any(|taken| Choice { steps, events, now, taken }.holds())
}

/// The choice, and as many events more, of those that come after all that it has.
fn continued(taken: &Taken, amount: usize, events: usize) -> Vec<Taken> {
    let after = taken.iter().flatten().last().map_or(0, |last| last + 1);
    let mut ways: Vec<Vec<usize>> = vec![vec![]];
    for _ in 0..amount {
        ways = ways
            .iter()
            .flat_map(|way| {
                let next = way.last().map_or(after, |last| last + 1);
                (next..events).map(|place| [way.as_slice(), &[place]].concat())
            })
            .collect();
    }
    ways.into_iter().map(|way| [taken.as_slice(), &[way]].concat()).collect()
}

struct Choice<'a> {
    steps: &'a [Step],
    events: &'a [Event],
    now: Timestamp,
    taken: &'a Taken,
}

impl Choice<'_> {
    fn holds(&self) -> bool {
        self.steps.iter().enumerate().all(|(number, step)| {
            let taken = &self.taken[number];
            taken.iter().all(|place| self.matches(step, *place))
                && self.is_in_time(number)
                && step.max.is_none_or(|max| self.matching_in_gap(number) <= max)
        })
    }

    fn matches(&self, step: &Step, place: usize) -> bool {
        let Event(timestamp, kind) = self.events[place];
        let age = (self.now.as_millis() - timestamp.as_millis()).max(0);
        let day = |moment: Timestamp| (moment.as_millis() - MIDNIGHT_MS).div_euclid(86_400_000);
        let in_window = match step.window {
            None => true,
            Some(Window::Today) => day(timestamp) == day(self.now),
            Some(Window::Younger(millis)) => age < millis,
            Some(Window::Older(millis)) => age > millis,
        };
        in_window
            && match step.condition {
                Condition::KindAtMost(most) => kind <= most,
                Condition::KindIs(wanted) => kind == wanted,
                Condition::SameKindAs(other, same) => {
                    (self.events[self.taken[other][0]].1 == kind) == same
                }
            }
    }

    /// The last event that a positive step before this one took.
    fn last_before(&self, number: usize) -> Option<usize> {
        self.taken[..number].iter().flatten().last().copied()
    }

    /// When the time for a step is over.
    fn limit(&self, number: usize) -> Option<i64> {
        let within = self.steps[number].within?;
        Some(self.events[self.last_before(number)?].0.as_millis() + within)
    }

    fn is_in_time(&self, number: usize) -> bool {
        let Some(limit) = self.limit(number) else { return true };
        match self.taken[number].last() {
            Some(last) => self.events[*last].0.as_millis() <= limit,
            None => {
                let is_last = self.taken[number + 1..].iter().all(Vec::is_empty);
                !is_last || self.now.as_millis() > limit
            }
        }
    }

    fn matching_in_gap(&self, number: usize) -> usize {
        let begin = self.last_before(number).map_or(0, |last| last + 1);
        let next = self.taken[number + 1..].iter().flatten().next();
        let end = next.copied().unwrap_or(self.events.len());
        let step = &self.steps[number];
        let limit = if step.is_positive() { None } else { self.limit(number) };
        (begin..end)
            .filter(|place| limit.is_none_or(|limit| self.events[*place].0.as_millis() <= limit))
            .filter(|place| self.matches(step, *place))
            .count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_chain_holds_if_any_choice_of_events_does(
        steps in chain(),
        events in history(),
        now in moment(),
    ) {
        let expected = holds_by_patience(&steps, &events, now);
        prop_assert_eq!(profile(&events).holds(&sound(&text(&steps)), now), expected);
    }
}
