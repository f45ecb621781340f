//! What the shop sells and says: the words that events and audiences share.

use crate::random::Random;

/// Sections of the shop, each a product category too; the first are the most visited.
pub const SECTIONS: [&str; 20] = [
    "running",
    "football",
    "outdoor",
    "fitness",
    "cycling",
    "swimming",
    "tennis",
    "yoga",
    "climbing",
    "basketball",
    "golf",
    "skiing",
    "hiking",
    "rowing",
    "boxing",
    "surfing",
    "skating",
    "camping",
    "fishing",
    "sale",
];
/// How much more often a section is visited than the next ones: the exponent of a Zipf law.
pub const SECTIONS_EXPONENT: f64 = 0.7;

/// What kind of event it is, in XDM's words.
pub mod event_type {
    /// A product was looked at.
    pub const VIEW: &str = "commerce.productViews";
    /// A product was put into the cart.
    pub const CART: &str = "commerce.productListAdds";
    /// An order was placed.
    pub const PURCHASE: &str = "commerce.purchases";
    /// The shop was searched.
    pub const SEARCH: &str = "web.siteSearch.results";
    /// The visitor logged in.
    pub const LOGIN: &str = "userAccount.login";
    /// A link in a newsletter was followed.
    pub const CLICK: &str = "directMarketing.emailClicked";
}

/// Loyalty tiers, which customers have as an attribute.
pub const TIERS: [&str; 4] = ["none", "silver", "gold", "platinum"];
/// Where customers live, as an attribute.
pub const COUNTRIES: [&str; 8] = ["DE", "FR", "GB", "US", "ES", "IT", "NL", "PL"];

/// Something that is sold. A number stands for the same product in every run.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// Its stock keeping unit.
    pub sku: String,
    /// What it is called.
    pub name: String,
    /// The section where it is sold.
    pub section: &'static str,
    /// What one costs, in whole cents.
    pub price_cents: u64,
}

impl Product {
    /// The product with this number, sold in this section.
    #[must_use]
    pub fn new(number: usize, section: &'static str) -> Product {
        let mut random = Random::of(0, "product", number as u64);
        let price = random.log_normal(35.0, 0.8).clamp(1.0, 2_000.0);
        Product {
            sku: format!("SKU-{number:06}"),
            name: format!("{section} model {number}"),
            section,
            price_cents: (price * 100.0) as u64,
        }
    }
}
