//! Chains: how many events match each step, which step is the first that cannot be taken, and when
//! the next event enters or leaves a window.

use segue_xdm::Timestamp;

use crate::expression::ChainStep;
use crate::interpreter::{Clock, EventFact, Scope, Value, chain_holds, condition};

use super::clauses::{Explainer, listed};
use super::{DecidingEvent, Explanation};

/// An event that satisfies the condition of a step.
struct Match<'a> {
    index: usize,
    event: &'a EventFact,
    /// Whether it lies in the step's window.
    counts: bool,
    /// When that changes.
    until: Option<Timestamp>,
}

impl<'a> Explainer<'a> {
    pub(super) fn explain_chain(&self, steps: &[ChainStep], explanation: &mut Explanation) {
        for (number, step) in steps.iter().enumerate() {
            let before = steps.get(..number).unwrap_or_default();
            if before.iter().any(|earlier| step.condition.mentions(earlier.event)) {
                let text = self.text_of(&step.condition);
                explanation.notes.push(format!("`{text}` depends on what an earlier step took"));
                continue;
            }
            let matches = self.matches(step);
            self.note_count(step, &matches, explanation);
            let counting = matches.iter().filter(|found| found.counts);
            explanation
                .events
                .extend(counting.map(|found| DecidingEvent::new(found.index, found.event)));
        }
        explanation.events.sort_by_key(|event| event.index);
        explanation.events.dedup();
        explanation.events = listed(std::mem::take(&mut explanation.events));
        if steps.len() > 1 && !explanation.value {
            explanation.notes.push(self.hindrance(steps));
        }
    }

    fn matches(&self, step: &ChainStep) -> Vec<Match<'a>> {
        let events = self.facts.events.iter().enumerate();
        let found = events.filter_map(|(index, event)| {
            let clock = Clock::at(self.facts.now);
            let scope = Scope::new(self.facts, &clock).with(step.event, Value::Event(event));
            let stretch = step
                .window
                .as_ref()
                .map(|window| window.stretch(event.timestamp, self.facts.time_zone));
            condition(&step.condition, &scope).then(|| Match {
                index,
                event,
                counts: stretch.is_none_or(|stretch| stretch.contains(self.facts.now)),
                until: stretch.and_then(|stretch| stretch.next_edge(self.facts.now)),
            })
        });
        found.collect()
    }

    fn note_count(&self, step: &ChainStep, matches: &[Match<'_>], explanation: &mut Explanation) {
        let text = self.text_of(&step.condition);
        let counting = matches.iter().filter(|found| found.counts).count();
        let (min, max) = (step.count.min as usize, step.count.max.map(|max| max as usize));
        let wanted = match max {
            Some(0) => "none is allowed".to_owned(),
            Some(max) if min == max => format!("exactly {min} needed"),
            Some(max) => format!("{min} to {max} needed"),
            None => format!("at least {min} needed"),
        };
        let events = if counting == 1 { "event matches" } else { "events match" };
        explanation.notes.push(format!("{counting} {events} `{text}`, {wanted}"));
        let moves = matches.iter().filter_map(|found| Some((found.until?, found)));
        let next =
            moves.min_by_key(|(until, found)| (*until, found.index)).map(|(until, found)| {
                let verb = if found.counts { "leaves" } else { "enters" };
                (until, format!("the event of {} {verb} its window", found.event.timestamp))
            });
        let missing = min.saturating_sub(counting);
        explanation.notes.extend(match next {
            Some((until, moves)) if missing > 0 => {
                Some(format!("needs {missing} more before {until}, when {moves}"))
            }
            Some((until, moves)) => Some(format!("{moves} at {until}")),
            None => (missing > 0).then(|| format!("needs {missing} more")),
        });
    }

    /// Why the steps of a sequence cannot be taken.
    fn hindrance(&self, steps: &[ChainStep]) -> String {
        let clock = Clock::at(self.facts.now);
        let scope = Scope::new(self.facts, &clock);
        let positive = steps.iter().enumerate().filter(|(_, step)| step.count.min > 0);
        let mut ends = positive.map(|(number, step)| (number + 1, step));
        let impossible =
            ends.find(|(end, _)| !chain_holds(steps.get(..*end).unwrap_or_default(), &scope));
        match impossible {
            Some((_, step)) => format!(
                "the steps up to `{}` cannot be taken in this order",
                self.text_of(&step.condition)
            ),
            None => "what must not follow did, or may still follow".to_owned(),
        }
    }
}
