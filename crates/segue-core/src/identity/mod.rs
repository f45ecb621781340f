//! Identities: who is who.
//!
//! Identities that occur together in one input are linked; a profile is a group that hangs
//! together by links, as far as the rules of the namespaces allow.
//!
//! ```text
//! input ─▶ links ─▶ unique namespaces? ─▶ too many? ─▶ groups ─▶ profile ids
//!          seen     replay, newest        eviction     of what   regrouping: who keeps
//!                   first, cut the rest                is left   an id, who gets one
//! ```
//!
//! Two persons at one device, `crm` being unique:
//!
//! ```text
//! {ecid:1}             A = {ecid:1}
//! {ecid:1, crm:kevin}  A = {ecid:1, crm:kevin}
//! {ecid:1, crm:nora}   A = {crm:kevin}          B = {ecid:1, crm:nora}
//!                      Kevin keeps his id       and the anonymous events of ecid:1 are Nora's
//! ```
//!
//! An input belongs to the profile that holds the one of its identities that decides (see
//! [`Rules`]). Moving inputs between profiles is the engine's part.

mod eviction;
mod graph;
mod group;
mod links;
mod regrouping;
mod replay;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use graph::{Forgotten, IdentityGraph};
pub use graph::{IDENTITIES_PER_PROFILE_MAX, MERGED_ID_KEPT_MS};
pub(crate) use group::Group;
pub use links::Link;
pub(crate) use regrouping::{Moment, Regrouping};
pub(crate) use rules::Rules;
