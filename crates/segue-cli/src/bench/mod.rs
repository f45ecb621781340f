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
//! Everything here shares the machine with what it measures, so it is as little as can be. Events
//! are drawn before the clock starts, and only numbers and times are written into copies of them
//! while it runs; sender and listener have a thread each, whose CPU time is part of the report.
//! What they hold does not grow but by eight bytes an activation; with a dead destination, by what
//! happened to each profile, too.

mod activation_ids;
mod arrivals;
mod batches;
mod ceilings;
mod connection;
mod definitions;
mod figures;
mod latencies;
mod listener;
mod picture;
mod revival;
mod run;
mod sender;
mod sent_times;
mod subject;
mod table;
mod thin_server;
mod usage;
mod worker;

pub(crate) use arrivals::Arrivals;
pub(crate) use batches::{Batches, Load};
pub(crate) use ceilings::Ceilings;
pub(crate) use definitions::{HUB, publish};
pub(crate) use figures::{
    Activations, BenchUsage, Figures, Second, Totals, milliseconds, new_histogram,
};
pub(crate) use listener::Listener;
pub(crate) use picture::draw;
pub(crate) use revival::{DeadDestination, Revival};
pub(crate) use run::{Cast, Plan, Run};
pub(crate) use sender::{Pace, Sender, Sending};
pub(crate) use sent_times::SentTimes;
pub(crate) use subject::Subject;
pub(crate) use table::table;
pub(crate) use usage::Usage;
pub(crate) use worker::Worker;
