//! The stream is the same for a seed, valid, and spread as its module says.

use std::collections::{BTreeMap, HashSet};

use segue_load::catalogue::event_type;
use segue_load::random::{Random, Zipf};
use segue_load::stream::{Arrival, Kind, Settings, Stream};
use segue_xdm::{Event, Record};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

fn arrivals(seed: u64, count: usize) -> Vec<Arrival> {
    Stream::new(Settings { seed, ..Settings::default() }).take(count).collect()
}

fn hash(arrivals: &[Arrival]) -> u64 {
    let mut hash = Xxh3::new();
    for arrival in arrivals {
        hash.update(&arrival.at.as_millis().to_le_bytes());
        hash.update(arrival.body.as_bytes());
    }
    hash.digest()
}

#[test]
fn a_seed_gives_the_same_stream_for_ever() {
    // Another value here makes all figures before it incomparable: say so in docs/performance.md.
    assert_eq!(format!("{:016x}", hash(&arrivals(1, 5_000))), "36e6bfd681019c08");
    assert_ne!(hash(&arrivals(1, 100)), hash(&arrivals(2, 100)));
}

#[test]
fn everything_is_valid_in_order_and_canonical() {
    let mut before = segue_xdm::Timestamp::MIN;
    for arrival in arrivals(1, 5_000) {
        assert!(arrival.at >= before);
        before = arrival.at;
        let body: Value = serde_json::from_str(&arrival.body).unwrap();
        assert_eq!(body.to_string(), arrival.body);
        match arrival.kind {
            Kind::Event => {
                let event = Event::from_value(&body, arrival.at).unwrap();
                assert!(event.timestamp <= arrival.at);
            }
            Kind::Record => drop(Record::from_value(&body, arrival.at).unwrap()),
        }
    }
}

/// What the events of a stream have in common.
#[derive(Default)]
struct Census {
    events: f64,
    bytes: f64,
    types: BTreeMap<String, f64>,
    /// How many first arrived within 2 seconds, within 5 minutes, later.
    delays: [f64; 3],
    duplicates: f64,
    logged_in: f64,
}

fn census(arrivals: &[Arrival]) -> Census {
    let mut census = Census::default();
    let mut ids = HashSet::new();
    for arrival in arrivals.iter().filter(|arrival| arrival.kind == Kind::Event) {
        let body: Value = serde_json::from_str(&arrival.body).unwrap();
        let event = Event::from_value(&body, arrival.at).unwrap();
        census.events += 1.0;
        census.bytes += arrival.body.len() as f64;
        *census
            .types
            .entry(event.body.to_value()["eventType"].as_str().unwrap().to_owned())
            .or_default() += 1.0;
        census.logged_in += f64::from(u8::from(event.identities.len() > 1));
        if !ids.insert(event.id) {
            census.duplicates += 1.0;
            continue;
        }
        let delay_ms = arrival.at.as_millis() - event.timestamp.as_millis();
        census.delays[usize::from(delay_ms >= 2_000) + usize::from(delay_ms >= 300_000)] += 1.0;
    }
    census
}

#[track_caller]
fn check(what: &str, found: f64, expected: std::ops::Range<f64>) {
    assert!(expected.contains(&found), "{what}: {found}, not within {expected:?}");
}

#[test]
fn the_stream_is_spread_as_its_calibration_says() {
    // Slow enough for two days, so that what comes a day late comes.
    let slow = Settings { events_per_second: 0.15, ..Settings::default() };
    let arrivals: Vec<Arrival> = Stream::new(slow).take(25_000).collect();
    let Census { events, bytes, types, delays, duplicates, logged_in } = census(&arrivals);
    check("bytes of an event", bytes / events, 950.0..1_150.0);
    let of = |name: &str| types[name];
    let sales = of(event_type::VIEW) + of(event_type::CART) + of(event_type::PURCHASE);
    check("views", of(event_type::VIEW) / sales, 0.960..0.974);
    check("carts", of(event_type::CART) / sales, 0.021..0.029);
    check("purchases", of(event_type::PURCHASE) / sales, 0.006..0.010);
    check("searches", of(event_type::SEARCH) / events, 0.035..0.045);
    check("clicks", of(event_type::CLICK) / events, 0.025..0.035);
    let first = events - duplicates;
    check("within 2 seconds", delays[0] / first, 0.945..0.955);
    check("within 5 minutes", delays[1] / first, 0.044..0.054);
    check("later", delays[2] / first, 0.0004..0.0016);
    check("duplicates", duplicates / events, 0.007..0.013);
    check("events of those logged in", logged_in / events, 0.02..0.08);
}

#[test]
fn ranks_and_lengths_follow_their_laws() {
    let (zipf, mut random) = (Zipf::new(100_000, 0.9), Random::new(1));
    let first = (0..100_000).filter(|_| zipf.sample(&mut random) == 0).count();
    check("the first of 100,000 ranks", first as f64 / 100_000.0, 0.043..0.047);
    let mut lengths: Vec<f64> = (0..100_000).map(|_| random.log_normal(6.0, 1.435)).collect();
    lengths.sort_by(f64::total_cmp);
    check("the median length", lengths[50_000], 5.8..6.2);
    check("the mean length", lengths.iter().sum::<f64>() / 100_000.0, 16.0..17.6);
    check("9 of 10 lengths", lengths[90_000], 36.0..40.0);
}
