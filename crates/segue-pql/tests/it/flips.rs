//! Property: the next flip is the moment at which evaluation, asked every millisecond, changes;
//! and a sequence holds exactly if some choice of events makes it hold.

use proptest::prelude::*;
use segue_pql::{EventFact, Expression};
use segue_xdm::Timestamp;
use serde_json::json;

use super::{Profile, sound};

/// Some 80 ms around a midnight, so that `today` has an edge within reach.
const MIDNIGHT_MS: i64 = 1_767_225_600_000;
const REACH_MS: i64 = 40;

fn moment() -> impl Strategy<Value = Timestamp> {
    (-REACH_MS..REACH_MS).prop_map(|offset| Timestamp::from_millis(MIDNIGHT_MS + offset))
}

/// Events of kinds 0 to 2, in order.
fn history() -> impl Strategy<Value = Vec<(Timestamp, u8)>> {
    prop::collection::vec((moment(), 0..3_u8), 0..7).prop_map(|mut events| {
        events.sort_by_key(|(timestamp, _)| *timestamp);
        events
    })
}

#[derive(Clone, Debug)]
struct Step {
    kinds: u8,
    window: Option<(bool, i64)>,
    today: bool,
    count: u32,
}

impl Step {
    fn text(&self, label: usize, count: &str) -> String {
        let window = match self.window {
            _ if self.today => "WHEN(today)".to_owned(),
            Some((true, millis)) => format!("WHEN(<= {millis} milliseconds before now)"),
            Some((false, millis)) => format!("WHEN(< {millis} milliseconds before now)"),
            None => String::new(),
        };
        format!("C{label}: WHAT(kind <= {}) {window} {count}", self.kinds)
    }
}

fn step() -> impl Strategy<Value = Step> {
    (0..3_u8, prop::option::of((any::<bool>(), 1..50_i64)), prop::bool::weighted(0.2), 1..3_u32)
        .prop_map(|(kinds, window, today, count)| Step { kinds, window, today, count })
}

fn sequence(steps: &[Step]) -> String {
    let steps: Vec<String> = steps
        .iter()
        .enumerate()
        .map(|(label, step)| step.text(label, &format!("COUNT({})", step.count)))
        .collect();
    format!("CHAIN(xEvent, timestamp, [{}])", steps.join(", "))
}

fn definition() -> impl Strategy<Value = String> {
    let counted = (step(), prop::sample::select(vec!["=", "<=", ">"])).prop_map(|(step, sign)| {
        let step = step.text(0, &format!("COUNT({sign} {})", step.count));
        format!("CHAIN(xEvent, timestamp, [{step}])")
    });
    let ordered = prop::collection::vec(step(), 1..4).prop_map(|steps| sequence(&steps));
    prop_oneof![counted, ordered].prop_recursive(3, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| format!("not ({part})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" and ")),
            prop::collection::vec(inner, 2..4)
                .prop_map(|parts| format!("({})", parts.join(" or "))),
        ]
    })
}

fn profile(events: &[(Timestamp, u8)]) -> Profile {
    let event = |(timestamp, kind): &(Timestamp, u8)| EventFact {
        timestamp: *timestamp,
        body: json!({"kind": kind}),
    };
    Profile { events: events.iter().map(event).collect(), ..Profile::default() }
}

/// Asks every millisecond, up to past the end of every window.
fn flip_by_patience(
    profile: &Profile,
    definition: &Expression,
    now: Timestamp,
) -> Option<Timestamp> {
    let value = profile.holds(definition, now);
    let far = profile.holds(definition, now.plus_millis(48 * 60 * 60 * 1000));
    let near = (1..4 * REACH_MS).map(|offset| now.plus_millis(offset));
    let next_midnight = Timestamp::from_millis(MIDNIGHT_MS).plus_millis(24 * 60 * 60 * 1000);
    let found =
        near.chain([next_midnight]).find(|moment| profile.holds(definition, *moment) != value);
    assert!(found.is_some() || far == value, "a flip outside of what was looked at");
    found
}

/// Whether some choice of events makes the sequence hold: every subset, taken in order.
fn holds_by_patience(events: &[(Timestamp, u8)], steps: &[Step], now: Timestamp) -> bool {
    let wanted: Vec<&Step> =
        steps.iter().flat_map(|step| std::iter::repeat_n(step, step.count as usize)).collect();
    let day = |moment: Timestamp| moment.as_millis().div_euclid(24 * 60 * 60 * 1000);
    let fits = |(timestamp, kind): &(Timestamp, u8), step: &Step| {
        let age = now.as_millis() - timestamp.as_millis();
        *kind <= step.kinds
            && match step.window {
                _ if step.today => day(*timestamp) == day(now),
                Some((inclusive, millis)) => age < millis + i64::from(inclusive),
                None => true,
            }
    };
    (0..1_u32 << events.len()).any(|chosen| {
        let chosen: Vec<_> =
            events.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1).collect();
        chosen.len() == wanted.len()
            && chosen.iter().zip(&wanted).all(|((_, event), step)| fits(event, step))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_next_flip_is_exact(definition in definition(), events in history(), now in moment()) {
        let definition = sound(&definition);
        let profile = profile(&events);
        let expected = flip_by_patience(&profile, &definition, now);
        prop_assert_eq!(profile.flip(&definition, now), expected);
    }

    #[test]
    fn a_sequence_holds_if_any_choice_of_events_does(
        steps in prop::collection::vec(step(), 1..4),
        events in history(),
        now in moment(),
    ) {
        let expected = holds_by_patience(&events, &steps, now);
        let definition = sound(&sequence(&steps));
        prop_assert_eq!(profile(&events).holds(&definition, now), expected);
    }

    #[test]
    fn only_a_matching_event_changes_the_value(
        definition in definition(),
        events in history(),
        added in (moment(), 0..4_u8),
        now in moment(),
    ) {
        let definition = sound(&definition);
        let before = profile(&events).holds(&definition, now);
        let mut events = events;
        events.push(added);
        events.sort_by_key(|(timestamp, _)| *timestamp);
        let after = profile(&events).holds(&definition, now);
        let matches = definition.matches_event(&json!({"kind": added.1}));
        prop_assert!(matches || before == after);
    }
}
