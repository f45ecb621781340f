//! `segue bench`: what a server of this machine bears, measured from outside, as its users meet it.
//!
//! ```text
//! Batches ─▶ Sender ─HTTP─▶ segue serve (a process of its own) ─AMQP─▶ Listener
//!    made       │ when each event was sent                                │
//!  beforehand   └────────────────▶ SentTimes ◀────────────────────────────┘
//!                                      latency: from the request to the message in the hub
//! ```
//! With a dead destination, the server has a second one, whose connections are refused all the
//! while. Afterwards it comes to life, and what it gets is held against what the listener got.
//!
//! Everything here shares the machine with what it measures. Requests are therefore made before
//! the clock starts, and only numbers and times are written into them while it runs.

mod arrivals;
mod batches;
mod ceilings;
mod definitions;
mod figures;
mod latencies;
mod listener;
mod picture;
mod revival;
mod sender;
mod sent_times;
mod subject;

pub(crate) use arrivals::Arrivals;
pub(crate) use batches::{Batches, Load};
pub(crate) use ceilings::Ceilings;
pub(crate) use definitions::{HUB, publish};
pub(crate) use figures::{
    Activations, Figures, Second, Totals, milliseconds, new_histogram, table,
};
pub(crate) use listener::Listener;
pub(crate) use picture::draw;
pub(crate) use revival::{DeadDestination, Revival};
pub(crate) use sender::{Pace, Sender, Sending};
pub(crate) use sent_times::SentTimes;
pub(crate) use subject::{Subject, Usage};
