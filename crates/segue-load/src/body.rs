//! The bodies of events: XDM as a web shop sends it, about 1,040 bytes.
//!
//! ```text
//! {"_acme": {…campaign, experiment…}, "_id", "commerce": {…}, "device": {…}, "environment": {…},
//!  "eventType", "identityMap": {…}, "placeContext": {…}, "productListItems": [{…}], "timestamp",
//!  "web": {"webPageDetails": {…}, "webReferrer": {…}}}
//! ```

use segue_xdm::Timestamp;
use serde_json::{Value, json};

use crate::catalogue::{COUNTRIES, Product, event_type};
use crate::random::Random;

const CAMPAIGNS: [&str; 6] = ["spring", "summer", "autumn", "winter", "clearance", "launch"];
const SEARCHES: [&str; 6] = ["shoes", "jacket", "ball", "tent", "socks", "gift card"];
const BROWSERS: [&str; 3] = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari",
];

/// What an event is about, before it has words.
#[derive(Clone, Debug)]
pub struct Happening<'a> {
    /// One of [`event_type`].
    pub event_type: &'a str,
    /// The sender's clock.
    pub at: Timestamp,
    /// Who it is about, as XDM has it.
    pub identity_map: Value,
    /// The products concerned: one that is viewed or put into the cart, those that are bought.
    pub products: &'a [Product],
    /// The section of the page.
    pub section: &'a str,
}

/// The event's body; what is of no consequence is drawn.
#[must_use]
pub fn event(happening: &Happening<'_>, random: &mut Random) -> Value {
    let Happening { event_type, at, identity_map, products, section } = happening;
    let page = products.first().map_or(*section, |product| &product.name);
    let id = format!("{:016x}{:016x}", random.next_u64(), random.next_u64());
    let mut body = json!({
        "_acme": {
            "campaign": random.one_of(&CAMPAIGNS),
            "experiment": {"id": format!("exp-{}", random.below(40)), "variant": "b"},
            "schemaVersion": "1.4",
        },
        "_id": id,
        "device": {"screenHeight": 1080, "screenWidth": 1920, "type": "desktop"},
        "environment": {
            "browserDetails": {"acceptLanguage": "en-GB", "userAgent": random.one_of(&BROWSERS)},
            "type": "browser",
        },
        "eventType": event_type,
        "identityMap": identity_map,
        "placeContext": {
            "geo": {"countryCode": random.one_of(&COUNTRIES)},
            "localTimezoneOffset": 60,
        },
        "timestamp": at.to_string(),
        "web": {
            "webPageDetails": {
                "URL": format!("https://shop.example/{section}/{}", page.replace(' ', "-")),
                "name": page,
                "pageViews": {"value": 1},
                "siteSection": section,
            },
            "webReferrer": {
                "URL": format!("https://search.example/results?q={section}&p={}", random.below(9)),
                "type": "search_engine",
            },
        },
    });
    if let Value::Object(fields) = &mut body {
        if let Some(commerce) = commerce(event_type, products, random) {
            fields.insert("commerce".to_owned(), commerce);
        }
        if !products.is_empty() {
            fields.insert("productListItems".to_owned(), products.iter().map(item).collect());
        }
        if *event_type == event_type::SEARCH {
            let search = json!({"keyword": random.one_of(&SEARCHES), "results": random.below(300)});
            fields.insert("siteSearch".to_owned(), search);
        }
    }
    body
}

fn item(product: &Product) -> Value {
    json!({
        "SKU": product.sku,
        "currencyCode": "EUR",
        "name": product.name,
        "priceTotal": euros(product.price_cents),
        "productCategories": [{"categoryID": product.section}],
        "quantity": 1,
    })
}

fn commerce(event_type: &str, products: &[Product], random: &mut Random) -> Option<Value> {
    let total = products.iter().map(|product| product.price_cents).sum();
    let commerce = match event_type {
        event_type::VIEW => json!({"productViews": {"value": 1}}),
        event_type::CART => json!({"productListAdds": {"value": 1}}),
        event_type::PURCHASE => json!({
            "order": {
                "currencyCode": "EUR",
                "priceTotal": euros(total),
                "purchaseID": format!("O{:010}", random.below(10_000_000_000)),
            },
            "purchases": {"value": 1},
        }),
        _ => return None,
    };
    Some(commerce)
}

fn euros(cents: u64) -> f64 {
    cents as f64 / 100.0
}
