//! Windows: to which millisecond an event counts.

use jiff::tz::TimeZone;
use serde_json::json;

use super::{Profile, sound, time};

/// Checks that the only event stops counting exactly at `end`, and that this is the next flip.
#[track_caller]
fn check_end(window: &str, zone: &TimeZone, event: &str, end: &str) {
    let definition = sound(&format!("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN({window})])"));
    let mut profile = Profile::with_events(&[(event, json!({"a": 1}))]);
    profile.time_zone = zone.clone();
    let (event, end) = (time(event), time(end));
    assert!(profile.holds(&definition, event), "{window}: from the start");
    assert!(profile.holds(&definition, end.minus_millis(1)), "{window}: until just before {end}");
    assert!(!profile.holds(&definition, end), "{window}: no more at {end}");
    assert_eq!(profile.flip(&definition, event), Some(end), "{window}: flips at {end}");
    assert_eq!(profile.flip(&definition, end), None, "{window}: never again");
}

#[test]
fn a_window_ends_to_the_millisecond() {
    for (window, end) in [
        ("< 24 hours before now", "2026-01-02T10:00:00Z"),
        ("<= 24 hours before now", "2026-01-02T10:00:00.001Z"),
        ("<= 3 hours before now", "13:00:00.001"),
        ("< 250 milliseconds before now", "10:00:00.250"),
        ("< 1 millisecond before now", "10:00:00.001"),
        ("< 3 seconds before now", "10:00:03"),
        ("< 90 minutes before now", "11:30:00"),
        ("< 1 HOUR BEFORE NOW", "11:00:00"),
        ("< 2 days before now", "2026-01-03T10:00:00Z"),
        ("< 1 week before now", "2026-01-08T10:00:00Z"),
        ("< 1 month before now", "2026-02-01T10:00:00Z"),
        ("< 2 years before now", "2028-01-01T10:00:00Z"),
        ("<= 100 years before now", "2126-01-01T10:00:00.001Z"),
        ("< 1 decade before now", "2036-01-01T10:00:00Z"),
        ("< 1 century before now", "2126-01-01T10:00:00Z"),
        ("< 1 millennium before now", "3026-01-01T10:00:00Z"),
        ("today", "2026-01-02T00:00:00Z"),
    ] {
        check_end(window, &TimeZone::UTC, "10:00:00", end);
    }
}

#[test]
fn months_and_years_follow_the_calendar() {
    let utc = TimeZone::UTC;
    let month = "< 1 month before now";
    check_end(month, &utc, "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z");
    check_end("< 1 year before now", &utc, "2028-02-29T10:00:00Z", "2029-02-28T10:00:00Z");

    // Switzerland goes to summer time on 29 March 2026: 10:00 there is an hour earlier in UTC.
    let zurich = TimeZone::get("Europe/Zurich").unwrap();
    check_end(month, &zurich, "2026-03-15T09:00:00Z", "2026-04-15T08:00:00Z");
    check_end("< 31 days before now", &zurich, "2026-03-15T09:00:00Z", "2026-04-15T09:00:00Z");
}

#[test]
fn today_is_the_day_of_the_time_zone() {
    let zurich = TimeZone::get("Europe/Zurich").unwrap();
    check_end("today", &zurich, "2026-01-01T22:59:59Z", "2026-01-01T23:00:00Z");
    check_end("today", &zurich, "2026-01-01T23:00:00Z", "2026-01-02T23:00:00Z");
    // A day of 23 hours.
    check_end("today", &zurich, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
}

#[test]
fn an_event_of_the_future_has_no_age_yet() {
    let event = [("2026-01-02T01:00:00Z", json!({"a": 1}))];
    let profile = Profile::with_events(&event);
    let now = time("23:00:00");
    let any = sound("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1)])");
    assert!(profile.holds(&any, now));
    assert_eq!(profile.flip(&any, now), None);

    let hour = sound("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 1 hour before now)])");
    assert!(profile.holds(&hour, now));
    assert_eq!(profile.flip(&hour, now), Some(time("2026-01-02T02:00:00Z")));

    let today = sound("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(today)])");
    assert!(!profile.holds(&today, now));
    assert_eq!(profile.flip(&today, now), Some(time("2026-01-02T00:00:00Z")));
}

#[test]
fn a_window_beyond_the_last_year_never_ends() {
    let profile = Profile::with_events(&[("9998-06-01T00:00:00Z", json!({"a": 1}))]);
    let now = time("9999-12-30T21:59:59.999Z");
    for window in ["< 100 years", "<= 1 millennium", "< 365000 days", "< 900 days"] {
        let definition =
            format!("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN({window} before now)])");
        let definition = sound(&definition);
        assert!(profile.holds(&definition, now), "{window}");
        assert_eq!(profile.flip(&definition, now), None, "{window}");
    }
    let last_day = Profile::with_events(&[("9999-12-30T21:00:00Z", json!({"a": 1}))]);
    let today = sound("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(today)])");
    assert!(last_day.holds(&today, now));
    let first = Profile::with_events(&[("0001-01-01T00:00:00Z", json!({"a": 1}))]);
    assert!(first.holds(&today, time("0001-01-01T23:00:00Z")));
}

#[test]
fn a_second_event_prolongs_membership() {
    let definition =
        sound("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 3 hours before now)])");
    let event = |at| (at, json!({"a": 1}));
    let profile = Profile::with_events(&[event("10:00:00"), event("11:00:00")]);
    assert_eq!(profile.flip(&definition, time("11:00:00")), Some(time("14:00:00")));

    let never = sound("not CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 3 hours before now)])");
    assert!(!profile.holds(&never, time("13:59:59.999")));
    assert_eq!(profile.flip(&never, time("11:00:00")), Some(time("14:00:00")));
}

#[test]
fn what_reads_no_window_never_flips_by_itself() {
    let profile = Profile::with_attributes(json!({"a": 1}));
    for definition in ["a = 1", "inSegment(\"x\")", "select e from xEvent where e.a = 1"] {
        assert_eq!(profile.flip(&sound(definition), time("10:00:00")), None);
    }
}
