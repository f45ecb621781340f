//! Who visits: persons, their devices, and the identities that events carry.
//!
//! - 70 % of the persons are never known. The others log in in 15 % of their sessions, and from
//!   the login on the session's events carry their customer number and hashed address.
//! - A known person has 1.8 devices on average, an unknown one has one. 2 % of all share their
//!   first device with a neighbour, so that the two become one profile when both have logged in.
//! - A fifth of the devices forget their cookie every 7 days, as some browsers do.
//!
//! Left out is the id that thousands send alike ("null", "guest"): it makes one profile of them
//! all, and the figures would show that profile and nothing else.

use serde_json::{Map, Value, json};

use crate::catalogue::{COUNTRIES, TIERS};
use crate::random::Random;

const KNOWN: f64 = 0.3;
const SHARED: f64 = 0.02;
const FORGETFUL: f64 = 0.2;
const COOKIE_LIFE_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// How many devices a known person has, by how often: 1.8 on average.
const DEVICES: [u64; 20] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4];

/// A person who visits, under the run's seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visitor {
    /// The run's seed.
    pub seed: u64,
    /// Which person, from 0: the lower, the more active.
    pub person: u64,
}

impl Visitor {
    /// Whether the person has an account.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.random("known").chance(KNOWN)
    }

    /// A device of the person's, by its place among them.
    pub fn device(self, random: &mut Random) -> u64 {
        if !self.is_known() {
            return 0;
        }
        let devices = self.random("devices").one_of(&DEVICES);
        random.below(devices)
    }

    /// The identities of an event on this device at this moment, as XDM's `identityMap`.
    #[must_use]
    pub fn identity_map(self, device: u64, at_ms: i64, is_logged_in: bool) -> Value {
        let mut map = Map::new();
        let ecid = json!([{"authenticatedState": "ambiguous", "id": self.ecid(device, at_ms)}]);
        map.insert("ECID".to_owned(), ecid);
        if is_logged_in {
            let authenticated =
                |id: String| json!([{"authenticatedState": "authenticated", "id": id}]);
            map.insert("CRMID".to_owned(), authenticated(self.customer_number()));
            map.insert("Email_LC_SHA256".to_owned(), authenticated(self.hashed_address()));
        }
        Value::Object(map)
    }

    /// The upsert of the person's attributes that an account system sends after a login.
    #[must_use]
    pub fn record(self) -> Value {
        let mut random = self.random("attributes");
        json!({
            "homeAddress": {"countryCode": random.one_of(&COUNTRIES)},
            "identityMap": {"CRMID": [{"id": self.customer_number()}]},
            "loyalty": {"tier": random.one_of(&TIERS)},
            "person": {"birthYear": 1945 + random.below(62)},
        })
    }

    fn random(self, kind: &str) -> Random {
        Random::of(self.seed, kind, self.person)
    }

    /// 38 digits, as Adobe's cookie has them.
    fn ecid(self, device: u64, at_ms: i64) -> String {
        let pair = self.person / 2;
        let is_shared = device == 0 && Random::of(self.seed, "shared", pair).chance(SHARED);
        let owner = if is_shared { pair * 2 } else { self.person };
        let mut random = Random::of(self.seed, "device", owner * 4 + device);
        let generation = if random.chance(FORGETFUL) { at_ms / COOKIE_LIFE_MS } else { 0 };
        let mut random = Random::of(random.next_u64(), "cookie", generation as u64);
        let digits = |number: u64| number % 10_u64.pow(19);
        format!("{:019}{:019}", digits(random.next_u64()), digits(random.next_u64()))
    }

    fn customer_number(self) -> String {
        format!("C{:08}", self.person)
    }

    fn hashed_address(self) -> String {
        let mut random = self.random("address");
        (0..4).map(|_| format!("{:016x}", random.next_u64())).collect()
    }
}
