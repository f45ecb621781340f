//! The stream: what visitors do, in the order in which it arrives.
//!
//! ```text
//! sessions, by the time of their next event ─▶ event ─▶ delay ─▶ arrivals, by time of arrival
//! ```
//! Calibration, and where it is from:
//! - persons by a Zipf law, `s` = 0.9: of 2 million events one of 100,000 persons has 4.5 %;
//! - a session's length is log-normal with median 6 and mean 16.8, at most 500 (OTTO: median 6,
//!   mean 16.8, 90 % up to 39); the gaps within it are log-normal with a median of 20 seconds;
//! - sessions begin at any moment alike, more by day: five times as many at 20:00 as at 08:00;
//! - product views, carts and purchases are 96.7, 2.5 and 0.8 % (RetailRocket), searches 4 % and
//!   newsletter clicks 3 % of all beside logins ([`visitor`](crate::visitor));
//! - products by a Zipf law, `s` = 0.8 over 20,000; bodies of about 1 KB ([`body`](crate::body));
//! - 95 % arrive within 2 seconds, 4.9 % within 5 minutes, 0.1 % within 24 hours; 1 % arrive a
//!   second time, byte for byte the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use segue_xdm::Timestamp;

use crate::body::{Happening, event};
use crate::catalogue::{Product, SECTIONS, SECTIONS_EXPONENT, event_type};
use crate::random::{Random, Zipf};
use crate::visitor::Visitor;

/// When the first session begins: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const SESSION_MEDIAN: f64 = 6.0;
/// The mean of a log-normal is `median · exp(spread² / 2)`: 16.8.
const SESSION_SPREAD: f64 = 1.435;
const SESSION_MEAN: f64 = 16.8;
const SESSION_MAX: u32 = 500;
const GAP_MEDIAN_MS: f64 = 20_000.0;
const GAP_SPREAD: f64 = 1.0;
const PRODUCTS: usize = 20_000;
const PRODUCTS_EXPONENT: f64 = 0.8;
const LOGIN: f64 = 0.15;
const SEARCH: f64 = 0.04;
const CLICK: f64 = 0.03;
const CART: f64 = 0.025;
const PURCHASE: f64 = 0.008;
const DUPLICATE: f64 = 0.01;

/// What a stream is made of. The same settings give the same stream.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What everything is drawn from.
    pub seed: u64,
    /// How many persons there are; most of a large number never come.
    pub persons: usize,
    /// The exponent of their Zipf law.
    pub persons_exponent: f64,
    /// Events a second on average, by the senders' clocks.
    pub events_per_second: f64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { seed: 1, persons: 100_000, persons_exponent: 0.9, events_per_second: 5.0 }
    }
}

/// Whether a body is of an event or of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An experience event.
    Event,
    /// An upsert of attributes.
    Record,
}

/// Something that arrives. Ordered by when, then by when it was made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    /// When it arrives.
    pub at: Timestamp,
    number: u64,
    /// What it is.
    pub kind: Kind,
    /// The body, as compact JSON with sorted keys.
    pub body: String,
}

/// A session that goes on, ordered by when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Session {
    next_ms: i64,
    visitor: Visitor,
    device: u64,
    events_left: u32,
    section: &'static str,
    will_log_in: bool,
    is_logged_in: bool,
}

/// Arrivals without end.
#[derive(Debug)]
pub struct Stream {
    settings: Settings,
    random: Random,
    persons: Zipf,
    products: Zipf,
    sections: Zipf,
    next_session_ms: i64,
    sessions: BinaryHeap<Reverse<Session>>,
    under_way: BinaryHeap<Reverse<Arrival>>,
    made: u64,
}

impl Stream {
    /// The stream of these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Stream {
        Stream {
            settings,
            random: Random::of(settings.seed, "stream", 0),
            persons: Zipf::new(settings.persons, settings.persons_exponent),
            products: Zipf::new(PRODUCTS, PRODUCTS_EXPONENT),
            sections: Zipf::new(SECTIONS.len(), SECTIONS_EXPONENT),
            next_session_ms: START.as_millis(),
            sessions: BinaryHeap::new(),
            under_way: BinaryHeap::new(),
            made: 0,
        }
    }

    fn begin_session(&mut self) {
        let at_ms = self.next_session_ms;
        let random = &mut self.random;
        let person = self.persons.sample(random) as u64;
        let visitor = Visitor { seed: self.settings.seed, person };
        let length = random.log_normal(SESSION_MEDIAN, SESSION_SPREAD).round() as u32;
        let session = Session {
            next_ms: at_ms,
            visitor,
            device: visitor.device(random),
            events_left: length.clamp(1, SESSION_MAX),
            section: section(&self.sections, random),
            will_log_in: visitor.is_known() && random.chance(LOGIN),
            is_logged_in: false,
        };
        self.sessions.push(Reverse(session));
        let sessions_per_ms = self.settings.events_per_second / SESSION_MEAN / 1000.0;
        let gap_ms = random.exponential(1.0 / (sessions_per_ms * busyness(at_ms)));
        self.next_session_ms += gap_ms as i64 + 1;
    }

    fn go_on(&mut self, mut session: Session) {
        let at = Timestamp::from_millis(session.next_ms);
        let random = &mut self.random;
        // Who logs in does so before looking at anything.
        let logs_in = session.will_log_in && !session.is_logged_in;
        session.is_logged_in |= logs_in;
        let event_type = if logs_in { event_type::LOGIN } else { event_type(random) };
        let products = products(event_type, &self.products, &session, random);
        let happening = Happening {
            event_type,
            at,
            identity_map: session.visitor.identity_map(
                session.device,
                session.next_ms,
                session.is_logged_in,
            ),
            products: &products,
            section: session.section,
        };
        let body = event(&happening, random).to_string();
        self.send(at, Kind::Event, body);
        if logs_in {
            self.send(at, Kind::Record, session.visitor.record().to_string());
        }
        session.events_left -= 1;
        if session.events_left > 0 {
            let gap_ms = self.random.log_normal(GAP_MEDIAN_MS, GAP_SPREAD);
            session.next_ms += gap_ms as i64 + 1;
            self.sessions.push(Reverse(session));
        }
    }

    fn send(&mut self, at: Timestamp, kind: Kind, body: String) {
        let at = at.plus_millis(delay_ms(&mut self.random));
        if kind == Kind::Event && self.random.chance(DUPLICATE) {
            let again = at.plus_millis(delay_ms(&mut self.random));
            self.enqueue(again, kind, body.clone());
        }
        self.enqueue(at, kind, body);
    }

    fn enqueue(&mut self, at: Timestamp, kind: Kind, body: String) {
        let number = self.made;
        self.made += 1;
        self.under_way.push(Reverse(Arrival { at, number, kind, body }));
    }
}

impl Iterator for Stream {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let next_event_ms = self.sessions.peek().map(|Reverse(session)| session.next_ms);
            let next_ms = next_event_ms.unwrap_or(i64::MAX).min(self.next_session_ms);
            // Nothing that is still to be made can arrive before it happens.
            let is_next = |arrival: &Arrival| arrival.at.as_millis() <= next_ms;
            if self.under_way.peek().is_some_and(|Reverse(arrival)| is_next(arrival)) {
                return self.under_way.pop().map(|Reverse(arrival)| arrival);
            }
            match self.sessions.pop() {
                Some(Reverse(session)) if session.next_ms == next_ms => self.go_on(session),
                other => {
                    self.sessions.extend(other);
                    self.begin_session();
                }
            }
        }
    }
}

/// How many sessions begin at this time of day, 1 on average.
fn busyness(at_ms: i64) -> f64 {
    const PEAK_HOUR: f64 = 20.0;
    let hour = at_ms.rem_euclid(DAY_MS) as f64 / DAY_MS as f64 * 24.0;
    1.0 + 2.0 / 3.0 * ((hour - PEAK_HOUR) / 24.0 * std::f64::consts::TAU).cos()
}

fn delay_ms(random: &mut Random) -> i64 {
    let (from, to) = match random.unit() {
        share if share < 0.95 => (0, 2_000),
        share if share < 0.999 => (2_000, 300_000),
        _ => (300_000, DAY_MS),
    };
    from + random.below((to - from) as u64) as i64
}

fn event_type(random: &mut Random) -> &'static str {
    match random.unit() {
        share if share < SEARCH => return event_type::SEARCH,
        share if share < SEARCH + CLICK => return event_type::CLICK,
        _ => {}
    }
    match random.unit() {
        share if share < PURCHASE => event_type::PURCHASE,
        share if share < PURCHASE + CART => event_type::CART,
        _ => event_type::VIEW,
    }
}

fn section(sections: &Zipf, random: &mut Random) -> &'static str {
    SECTIONS.get(sections.sample(random)).copied().unwrap_or_default()
}

/// What a visitor buys, or looks at: mostly of the section where the session is.
fn products(
    event_type: &str,
    products: &Zipf,
    session: &Session,
    random: &mut Random,
) -> Vec<Product> {
    let count = match event_type {
        event_type::VIEW | event_type::CART => 1,
        event_type::PURCHASE => 1 + random.exponential(1.0) as usize,
        _ => 0,
    };
    (0..count).map(|_| Product::new(products.sample(random), session.section)).collect()
}
