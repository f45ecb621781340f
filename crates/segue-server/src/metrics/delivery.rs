//! The numbers of destinations outside, each with its id.

use segue_delivery::{BreakerState, Delivery, DeliveryStatus};
use segue_xdm::Timestamp;

use super::page::{Kind, Page};

type Number = fn(&DeliveryStatus) -> u64;

const COUNTERS: [(&str, &str, Number); 4] = [
    ("segue_delivery_delivered_total", "Messages that the destination took.", |status| {
        status.delivered
    }),
    ("segue_delivery_retried_total", "Messages sent again, each time.", |status| status.retried),
    ("segue_delivery_refused_total", "Messages refused for good.", |status| status.refused),
    ("segue_delivery_discarded_total", "Messages given up on removal.", |status| status.discarded),
];

const GAUGES: [(&str, &str, Number); 3] = [
    ("segue_delivery_backlog", "Messages that wait for the destination.", |status| status.backlog),
    ("segue_delivery_dead_letters", "Dead letters not replayed or dropped.", |status| {
        status.dead_letters
    }),
    ("segue_delivery_trouble", "1 while something keeps messages waiting.", |status| {
        u64::from(status.trouble.is_some())
    }),
];

pub(super) fn write(page: &mut Page, delivery: &Delivery, now: Timestamp) {
    let statuses = delivery.statuses();
    let counters = COUNTERS.map(|(name, help, number)| (name, help, Kind::Counter, number));
    let gauges = GAUGES.map(|(name, help, number)| (name, help, Kind::Gauge, number));
    for (name, help, kind, number) in counters.into_iter().chain(gauges) {
        let mut family = page.family(name, kind, help);
        for (id, status) in &statuses {
            family.sample(&[("destination", id)], number(status));
        }
    }
    let help = "How long what has waited longest has waited since its cause.";
    let mut family = page.family("segue_delivery_oldest_seconds", Kind::Gauge, help);
    for (id, _) in &statuses {
        let age = delivery
            .waiting_since(id)
            .map_or(0, |since| now.as_millis().saturating_sub(since.as_millis()).max(0));
        family.sample(&[("destination", id)], age as f64 / 1000.0);
    }
    let help = "1 for the breaker's state.";
    let mut family = page.family("segue_delivery_breaker", Kind::Gauge, help);
    for (id, status) in &statuses {
        for state in [BreakerState::Closed, BreakerState::HalfOpen, BreakerState::Open] {
            let is_it = u64::from(status.breaker == state);
            family.sample(&[("destination", id), ("state", state.as_str())], is_it);
        }
    }
    let help = "From a message's cause until the destination took it.";
    let mut family = page.family("segue_delivery_seconds", Kind::Histogram, help);
    for (id, status) in &statuses {
        family.histogram(&[("destination", id)], &status.latency);
    }
}
