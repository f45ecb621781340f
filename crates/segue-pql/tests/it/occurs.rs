//! Where moments lie: each form of `occurs`, against its definition, at many moments of "now" and
//! around changes of clocks.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use proptest::prelude::*;
use segue_xdm::Timestamp;
use serde_json::json;

use super::{Profile, sound, time};

const HOUR_MS: i64 = 60 * 60 * 1000;

/// A form, and whether it is true of a moment.
#[derive(Clone, Debug)]
enum Form {
    Distance { sign: &'static str, amount: i64, unit: &'static str, before: bool, anchor: Anchor },
    Side { before: bool, anchor: Anchor },
    Calendar { offset: i64, unit: &'static str },
    On(Anchor),
    Between(Anchor, Anchor),
}

#[derive(Clone, Copy, Debug)]
enum Anchor {
    Now,
    /// Days after today, -1 to 1.
    Day(i64),
    Date(Date),
    /// Another field with a timestamp.
    Field(Timestamp),
}

impl Form {
    fn text(&self) -> String {
        match self {
            Form::Distance { sign, amount, unit, before, anchor } => {
                let side = if *before { "before" } else { "after" };
                format!("occurs {sign} {amount} {unit} {side} {}", anchor.text())
            }
            Form::Side { before: true, anchor } => format!("occurs before {}", anchor.text()),
            Form::Side { before: false, anchor } => format!("occurs after {}", anchor.text()),
            Form::Calendar { offset, unit } => {
                let word = ["last", "this", "next"][(offset + 1) as usize];
                format!("occurs {word} {unit}")
            }
            Form::On(anchor) => format!("occurs on {}", anchor.text()),
            Form::Between(from, to) => {
                format!("occurs between {} and {}", from.text(), to.text())
            }
        }
    }

    fn holds(&self, t: &Zoned, now: &Zoned) -> bool {
        match self {
            Form::Distance { sign, amount, unit, before, anchor } => {
                let at = anchor.at(now);
                let direction = if *before { 1 } else { -1 };
                let moved = |amount: i64| {
                    let by_day = matches!(anchor, Anchor::Day(_) | Anchor::Date(_));
                    plus(t, direction * amount, unit, by_day)
                };
                // How the distance compares with the amount: all turned around for "after".
                let is_farther = |than: &Zoned| if *before { at > *than } else { at < *than };
                let (least, next) = (moved(*amount), moved(amount + 1));
                let in_direction = if *before { *t <= at } else { *t >= at };
                in_direction
                    && match *sign {
                        "<" => !is_farther(&least) && at != least,
                        "<=" => !is_farther(&least),
                        ">" => is_farther(&least),
                        ">=" => is_farther(&least) || at == least,
                        _ => {
                            (is_farther(&least) || at == least) && !is_farther(&next) && at != next
                        }
                    }
            }
            Form::Side { before: true, anchor } => *t < anchor.at(now),
            Form::Side { before: false, anchor } => *t > anchor.at(now),
            Form::Calendar { offset, unit } => number(t, unit) == number(now, unit) + offset,
            Form::On(anchor) => t.date() == anchor.at(now).date(),
            Form::Between(from, to) => {
                let to_at = to.at(now);
                let to_day = matches!(to, Anchor::Day(_) | Anchor::Date(_));
                let before_end = if to_day { t.date() <= to_at.date() } else { *t <= to_at };
                *t >= from.at(now) && before_end
            }
        }
    }
}

fn plus(t: &Zoned, amount: i64, unit: &str, by_day: bool) -> Zoned {
    let span = Span::new();
    let span = match unit {
        "seconds" => span.seconds(amount),
        "hours" => span.hours(amount),
        "days" if by_day => span.days(amount),
        "days" => span.hours(24 * amount),
        "weeks" if by_day => span.weeks(amount),
        "weeks" => span.hours(7 * 24 * amount),
        "months" => span.months(amount),
        _ => span.years(amount),
    };
    t.checked_add(span).unwrap()
}

/// The number of the unit that holds a moment, counted from some beginning.
fn number(moment: &Zoned, unit: &str) -> i64 {
    let seconds = moment.timestamp().as_second();
    let day = moment.date().since(Date::constant(1970, 1, 5)).unwrap().get_days();
    let month = i64::from(moment.year()) * 12 + i64::from(moment.month()) - 1;
    match unit {
        "second" => seconds,
        "minute" => seconds.div_euclid(60),
        // The zones of these tests change their clocks by whole hours, except where units of hours
        // are left out.
        "hour" => seconds.div_euclid(3600),
        "day" => i64::from(day),
        "week" => i64::from(day).div_euclid(7),
        "month" => month,
        "year" => month.div_euclid(12),
        "decade" => month.div_euclid(120),
        _ => month.div_euclid(1200),
    }
}

impl Anchor {
    fn text(&self) -> String {
        match self {
            Anchor::Now => "now".into(),
            Anchor::Day(offset) => ["yesterday", "today", "tomorrow"][(offset + 1) as usize].into(),
            Anchor::Date(date) => {
                format!("date({}, {}, {})", date.year(), date.month(), date.day())
            }
            Anchor::Field(_) => "other".into(),
        }
    }

    fn at(&self, now: &Zoned) -> Zoned {
        let zone = now.time_zone();
        let midnight = |date: Date| date.to_zoned(zone.clone()).unwrap();
        match self {
            Anchor::Now => now.clone(),
            Anchor::Day(days) => midnight(now.date().checked_add(Span::new().days(*days)).unwrap()),
            Anchor::Date(date) => midnight(*date),
            Anchor::Field(moment) => moment.to_jiff().to_zoned(zone.clone()),
        }
    }
}

/// A change of clocks: the zone and the moment.
const CHANGES: [(&str, &str); 6] = [
    ("Europe/Zurich", "2026-03-29T01:00:00Z"),
    ("Europe/Zurich", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
];

#[derive(Clone, Debug)]
struct Case {
    zone: &'static str,
    form: Form,
    t: Timestamp,
    now: Timestamp,
}

fn near(change: Timestamp) -> impl Strategy<Value = Timestamp> {
    let around = prop_oneof![
        -100 * HOUR_MS..100 * HOUR_MS,
        (-100..100_i64).prop_map(|half_hours| half_hours * HOUR_MS / 2),
        (-5..5_i64).prop_map(|hours| hours * HOUR_MS - 1),
        (-800..800_i64).prop_map(|days| days * 24 * HOUR_MS),
    ];
    around.prop_map(move |offset| change.plus_millis(offset))
}

fn case() -> impl Strategy<Value = Case> {
    prop::sample::select(CHANGES.to_vec()).prop_flat_map(|(zone, change)| {
        let change = time(change);
        let date = near(change)
            .prop_map(move |moment| moment.to_jiff().to_zoned(TimeZone::get(zone).unwrap()).date());
        let anchor = prop_oneof![
            Just(Anchor::Now),
            (-1..2_i64).prop_map(Anchor::Day),
            date.prop_map(Anchor::Date),
            near(change).prop_map(Anchor::Field),
        ]
        .boxed();
        let units: Vec<&str> =
            ["second", "minute", "hour", "day", "week", "month", "year", "decade"]
                .into_iter()
                .filter(|unit| *unit != "hour" || zone != "Australia/Lord_Howe")
                .collect();
        let form = prop_oneof![
            4 => (
                prop::sample::select(vec!["<", "<=", "=", ">=", ">"]),
                0..40_i64,
                prop::sample::select(vec!["seconds", "hours", "days", "weeks", "months", "years"]),
                any::<bool>(),
                anchor.clone(),
            )
                .prop_map(|(sign, amount, unit, before, anchor)| {
                    // Nothing is closer than 0, so that is refused.
                    let amount = amount + i64::from(sign == "<");
                    Form::Distance { sign, amount, unit, before, anchor }
                }),
            1 => (any::<bool>(), anchor.clone())
                .prop_map(|(before, anchor)| Form::Side { before, anchor }),
            2 => (-1..2_i64, prop::sample::select(units))
                .prop_map(|(offset, unit)| Form::Calendar { offset, unit }),
            1 => anchor.clone().prop_map(|anchor| match anchor {
                // Nothing occurs on a moment that has no length.
                Anchor::Now => Form::On(Anchor::Day(0)),
                day => Form::On(day),
            }),
            2 => (anchor.clone(), anchor).prop_map(|(from, to)| Form::Between(from, to)),
        ];
        let now = prop_oneof![near(change), Just(change)];
        (form, near(change), now).prop_map(move |(form, t, now)| Case { zone, form, t, now })
    })
}

impl Case {
    fn profile(&self) -> Profile {
        let anchors = match self.form {
            Form::Distance { anchor, .. } | Form::Side { anchor, .. } | Form::On(anchor) => {
                [anchor, anchor]
            }
            Form::Between(from, to) => [from, to],
            Form::Calendar { .. } => [Anchor::Now, Anchor::Now],
        };
        let mut attributes = json!({"t": self.t.to_string()});
        for (anchor, name) in anchors.iter().zip(["other", "second"]) {
            if let Anchor::Field(moment) = anchor {
                attributes[name] = json!(moment.to_string());
            }
        }
        let time_zone = TimeZone::get(self.zone).unwrap();
        Profile { time_zone, ..Profile::with_attributes(attributes) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn each_form_means_its_definition(case in case()) {
        let profile = case.profile();
        let zoned = |moment: Timestamp| moment.to_jiff().to_zoned(profile.time_zone.clone());
        let text = match &case.form {
            // Two fields cannot have one name.
            Form::Between(from, to @ Anchor::Field(_)) => {
                format!("occurs between {} and {}", from.text(), to.text().replace("other", "second"))
            }
            form => form.text(),
        };
        let expected = case.form.holds(&zoned(case.t), &zoned(case.now));
        let positive = sound(&format!("t {text}"));
        prop_assert_eq!(profile.holds(&positive, case.now), expected);

        // What it is certain of until a moment, it says until then.
        if let Some(until) = profile.evaluation(&positive, case.now).holds_until {
            prop_assert!(until > case.now);
            let length = until.as_millis() - case.now.as_millis();
            for part in [1, length / 3, length / 2, length - 1] {
                let then = case.now.plus_millis(part.min(length - 1));
                prop_assert_eq!(profile.holds(&positive, then), expected, "at {}", then);
            }
        }
    }
}

/// Checks conditions on a field `t`, at noon of 1 January 2026, a Thursday, in UTC.
#[track_caller]
fn check_all(t: &str, conditions: &[(&str, bool)]) {
    let profile = Profile::with_attributes(json!({"t": t, "other": "2026-01-05"}));
    for (occurs, expected) in conditions {
        let holds = profile.holds(&sound(&format!("t {occurs}")), time("12:00:00"));
        assert_eq!(holds, *expected, "{t} {occurs}");
    }
}

#[test]
fn weeks_begin_on_monday_and_decades_with_their_tens() {
    check_all("2025-12-29T00:00:00Z", &[("occurs this week", true), ("occurs last week", false)]);
    check_all("2025-12-28T23:59:59Z", &[("occurs this week", false), ("occurs last week", true)]);
    check_all("2026-01-11T23:59:59Z", &[("occurs next week", true)]);
    check_all("2020-01-01T00:00:00Z", &[("occurs this decade", true), ("occurs last year", false)]);
    check_all(
        "1999-12-31T00:00:00Z",
        &[("occurs last century", true), ("occurs last millennium", true)],
    );
}

#[test]
fn a_date_is_a_day_in_every_form() {
    check_all(
        "2025-12-29",
        &[
            ("occurs = 3 days before today", true),
            ("occurs = 3 days before now", true),
            ("occurs on date(2025, 12, 29)", true),
            ("occurs date(2025, 12, 29)", true),
            ("occurs between date(2025, 12, 29) and date(2025, 12, 29)", true),
            ("occurs before date(2025, 12, 29)", false),
            ("occurs after date(2025, 12, 28)", true),
            ("occurs = 1 week before other", true),
            ("occurs != 1 week before other", false),
            ("occurs > 1 week before other", false),
        ],
    );
}

#[test]
fn a_future_date_is_not_before_now_but_an_event_of_the_future_has_happened() {
    let future = "2026-01-03T00:00:00Z";
    check_all(
        future,
        &[
            ("occurs < 3 days before now", false),
            ("occurs >= 0 days before now", false),
            ("occurs < 3 days after now", true),
            ("occurs before now", false),
        ],
    );
    let profile = Profile::with_events(&[(future, json!({}))]);
    for (occurs, expected) in [
        ("< 3 days before now", true),
        ("<= 0 days before now", true),
        (">= 0 days before now", true),
        ("> 0 days before now", false),
        ("= 0 days before now", true),
        ("= 1 day before now", false),
    ] {
        let definition = sound(&format!("exists e from xEvent where e.timestamp occurs {occurs}"));
        assert_eq!(profile.holds(&definition, time("12:00:00")), expected, "{occurs}");
    }
}

#[test]
fn what_is_missing_or_no_moment_is_nowhere() {
    let profile = Profile::with_attributes(json!({"n": 5, "s": "soon", "t": "2026-01-01"}));
    for (condition, expected) in [
        ("x occurs today", false),
        ("x occurs != 1 day before now", false),
        ("t occurs before x", false),
        ("t occurs != 1 day before x", false),
        ("t occurs before s", false),
        ("s occurs today", false),
        ("s occurs != 1 day before now", true),
        ("t occurs today", true),
    ] {
        assert_eq!(profile.holds(&sound(condition), time("12:00:00")), expected, "{condition}");
    }
}

#[test]
fn an_hour_in_which_clocks_are_put_back_by_half_an_hour_lasts_longer() {
    // 02:00 at +11:00 becomes 01:30 at +10:30, so the hour from 01:00 on lasts until 15:30Z.
    let zone = TimeZone::get("Australia/Lord_Howe").unwrap();
    let profile = Profile {
        time_zone: zone,
        ..Profile::with_attributes(json!({"t": "2026-04-04T15:10:00Z"}))
    };
    let this_hour = sound("t occurs this hour");
    for (now, expected) in [
        ("2026-04-04T13:59:59.999Z", false),
        ("2026-04-04T14:00:00Z", true),
        ("2026-04-04T15:29:59.999Z", true),
        ("2026-04-04T15:30:00Z", false),
    ] {
        assert_eq!(profile.holds(&this_hour, time(now)), expected, "{now}");
    }
    let next_hour = sound("t occurs next hour");
    assert!(profile.holds(&next_hour, time("2026-04-04T13:30:00Z")));
    let last_hour = sound("t occurs last hour");
    assert!(profile.holds(&last_hour, time("2026-04-04T16:29:00Z")));
}
