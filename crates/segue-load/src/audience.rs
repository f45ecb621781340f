//! Audiences as marketing writes them: eight kinds of definitions, in turn, in PQL as Adobe's
//! segment builder has it.
//!
//! | # | Kind | |
//! |---|---|---|
//! | 0 | attribute | two attributes have these values |
//! | 1 | event | seen in a section within a window |
//! | 2 | count | so many views of a section within a window |
//! | 3 | pair | a view, after it a cart |
//! | 4 | abandon | a cart, and no purchase within 30 minutes |
//! | 5 | both | member of the audiences 1 and 2 of the same eight |
//! | 6 | absence | seen in a section, and no purchase within a window |
//! | 7 | sum | bought for so much in a section |
//!
//! [`Touched`] says how many of them an event can concern. An audience that nothing concerns looks
//! for a value that never occurs, and is true of nobody: also the absence asks for a visit first.

use crate::catalogue::{COUNTRIES, SECTIONS, SECTIONS_EXPONENT, TIERS, event_type};
use crate::random::{Random, Zipf};

const KINDS: usize = 8;
const WINDOWS: [&str; 5] = ["30 minutes", "3 hours", "24 hours", "7 days", "30 days"];

/// Which audiences look for what occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// All: the more audiences there are, the more of them an event concerns.
    All,
    /// Only the first so many: the others cost what having them costs.
    First(usize),
}

/// An audience to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// Its id.
    pub id: String,
    /// Its definition in PQL.
    pub definition: String,
}

/// So many audiences, in an order in which each comes after those that it is made of.
#[must_use]
pub fn audiences(count: usize, touched: Touched, seed: u64) -> Vec<Audience> {
    let sections = Zipf::new(SECTIONS.len(), SECTIONS_EXPONENT);
    let occurs = |number: usize| match touched {
        Touched::All => true,
        Touched::First(live) => number < live,
    };
    let audience = |number: usize| {
        let mut random = Random::of(seed, "audience", number as u64);
        let values = Values::new(occurs(number).then_some(&sections), number, &mut random);
        Audience { id: id(number), definition: definition(number, &values, &mut random) }
    };
    (0..count).map(audience).collect()
}

fn id(number: usize) -> String {
    format!("audience-{number:05}")
}

/// What an audience looks for.
struct Values {
    section: String,
    tier: String,
    country: String,
    view: String,
    cart: String,
}

impl Values {
    /// Values that occur, by how often sections do; without sections, values that never occur.
    fn new(sections: Option<&Zipf>, number: usize, random: &mut Random) -> Values {
        let never = |what: &str| format!("no-{what}-{number}");
        let Some(sections) = sections else {
            return Values {
                section: never("section"),
                tier: never("tier"),
                country: never("country"),
                view: never("view"),
                cart: never("cart"),
            };
        };
        let section = SECTIONS.get(sections.sample(random)).copied().unwrap_or_default();
        Values {
            section: section.to_owned(),
            tier: random.one_of(&TIERS).to_owned(),
            country: random.one_of(&COUNTRIES).to_owned(),
            view: event_type::VIEW.to_owned(),
            cart: event_type::CART.to_owned(),
        }
    }
}

fn definition(number: usize, values: &Values, random: &mut Random) -> String {
    let Values { section, tier, country, view, cart } = values;
    let window = random.one_of(&WINDOWS);
    let seen = format!(r#"web.webPageDetails.siteSection.equals("{section}", false)"#);
    let is = |name: &str| format!(r#"eventType.equals("{name}", false)"#);
    let purchase = is(event_type::PURCHASE);
    let chain = |steps: &str| format!("CHAIN(xEvent, timestamp, [{steps}])");
    match number % KINDS {
        0 => format!(r#"loyalty.tier in ["{tier}"] and homeAddress.countryCode = "{country}""#),
        1 => chain(&format!("C0: WHAT({seen}) WHEN(< {window} before now)")),
        2 => {
            let count = 2 + random.below(9);
            let what = format!("{} and {seen}", is(view));
            chain(&format!("C0: WHAT({what}) WHEN(< {window} before now) COUNT({count})"))
        }
        3 => {
            let when = format!("WHEN(< {window} before now)");
            let (viewed, carted) = (format!("{} and {seen}", is(view)), is(cart));
            chain(&format!("C0: WHAT({viewed}) {when}, C1: WHAT({carted}) {when}"))
        }
        4 => {
            let carted = format!("{} and {seen}", is(cart));
            let unless = format!("WHAT({purchase}) WITHIN(30 minutes) COUNT(= 0)");
            chain(&format!("C0: WHAT({carted}), C1: {unless}"))
        }
        5 => {
            let (one, two) = (id(number - 4), id(number - 3));
            format!(r#"inSegment("{one}") and inSegment("{two}")"#)
        }
        6 => {
            let when = format!("WHEN(< {window} before now)");
            let visit = chain(&format!("C0: WHAT({seen}) {when}"));
            let none = chain(&format!("C0: WHAT({purchase}) {when} COUNT(= 0)"));
            format!("{visit} and {none}")
        }
        _ => {
            let amount = 50 * (1 + random.below(10));
            let bought = format!("xEvent[{purchase} and {seen}]");
            format!("{bought}.sum(commerce.order.priceTotal) >= {amount}")
        }
    }
}
