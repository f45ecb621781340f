//! Property: the next flip is the moment at which evaluation, asked every millisecond, changes.

use proptest::prelude::*;
use segue_pql::Expression;
use segue_xdm::Timestamp;

use super::chains::{chain, text};
use super::history::{MIDNIGHT_MS, REACH_MS, event, fact, history, in_order, moment, profile};
use super::{Profile, sound, time};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A condition on the timestamp of an event of some kind.
fn select() -> impl Strategy<Value = String> {
    let distance = (
        prop::sample::select(vec!["<", "<=", "=", ">", ">=", "!="]),
        0..40_i64,
        prop::sample::select(vec!["before now", "after now", "before today", "after tomorrow"]),
    )
        .prop_map(|(sign, millis, anchor)| {
            // Nothing is closer than 0, so that is refused.
            let millis = millis + i64::from(sign == "<");
            format!("{sign} {millis} milliseconds {anchor}")
        });
    let occurrence = prop_oneof![
        distance,
        prop::sample::select(vec![
            "today",
            "on yesterday",
            "this week",
            "last day",
            "next hour",
            "before now",
            "after now",
            "before today",
            "between yesterday and now",
            "between now and tomorrow",
        ])
        .prop_map(str::to_owned),
    ];
    let some = prop::sample::select(vec!["exists", "forall"]);
    (some, 0..3_u8, occurrence).prop_map(|(some, kind, occurrence)| {
        format!("({some} e from xEvent where e.kind = {kind} and e.timestamp occurs {occurrence})")
    })
}

fn definition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => chain().prop_map(|steps| text(&steps)),
        2 => select(),
        1 => Just("currentDayOfMonth() = 1".to_owned()),
        1 => Just("currentYear() > 2025".to_owned()),
    ];
    leaf.prop_recursive(3, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| format!("not ({part})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" and ")),
            prop::collection::vec(inner, 2..4)
                .prop_map(|parts| format!("({})", parts.join(" or "))),
        ]
    })
}

/// Asks every millisecond up to past the end of every short window, and then every hour: days and
/// weeks begin with one.
fn flip_by_patience(
    profile: &Profile,
    definition: &Expression,
    now: Timestamp,
) -> Option<Timestamp> {
    let value = profile.holds(definition, now);
    let near = (1..4 * REACH_MS).map(|offset| now.plus_millis(offset));
    let hours = (-2..14 * 24).map(|hour| Timestamp::from_millis(MIDNIGHT_MS + hour * DAY_MS / 24));
    let later = now.plus_millis(4 * REACH_MS);
    near.chain(hours.filter(|hour| *hour >= later))
        .find(|moment| profile.holds(definition, *moment) != value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_next_flip_is_exact(definition in definition(), events in history(), now in moment()) {
        let definition = sound(&definition);
        let profile = profile(&events);
        let soon = |flip: &Timestamp| *flip < Timestamp::from_millis(MIDNIGHT_MS + 7 * DAY_MS);
        let expected = flip_by_patience(&profile, &definition, now).filter(soon);
        prop_assert_eq!(profile.flip(&definition, now).filter(soon), expected);
    }

    #[test]
    fn only_a_matching_event_changes_the_value(
        definition in definition(),
        events in history(),
        added in event(),
        now in moment(),
    ) {
        let definition = sound(&definition);
        let before = profile(&events).holds(&definition, now);
        let after = in_order([events, vec![added]].concat());
        let after = profile(&after).holds(&definition, now);
        let matches = definition.matches_event(&fact(&added), &Profile::default().time_zone);
        prop_assert!(matches || before == after);
    }
}

#[test]
fn a_value_that_never_changes_has_no_flip() {
    let profile = Profile::default();
    for definition in ["currentMonth() = 13", "currentYear() > 2000", "currentDayOfMonth() > 0"] {
        let flip = profile.flip(&sound(definition), time("10:00:00"));
        // After many moments that change nothing the last of them is named, to ask again then.
        assert!(flip.is_none_or(|flip| flip > time("2030-01-01T00:00:00Z")), "{definition}");
    }
}
