//! Erasing the messages about persons from hubs, outboxes and dead letters.
//!
//! A message is about a person when it says her profile id, or when its body names one of her
//! identities: it may come from a profile that was hers before identities changed hands.

use std::collections::BTreeMap;

use bytes::Bytes;
use segue_amqp::message::{Body, Message};
use segue_core::ProfileId;
use segue_log::{LogError, Partition};
use segue_runtime::{LogErasures, Persons};
use segue_xdm::Identity;
use serde::Deserialize;

use crate::message::profile_id;

/// The part of a body that says whom it is about.
#[derive(Deserialize)]
struct Named {
    #[serde(default, rename = "identityMap")]
    identity_map: BTreeMap<String, Vec<Id>>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Whom a stored message is about, and whom it names; nobody for a message of somebody else.
pub(crate) fn whom(stored: &[u8]) -> (Option<ProfileId>, Vec<Identity>) {
    let Some(profile) = profile_id(stored) else {
        return (None, Vec::new());
    };
    let body = match Message::decode(&Bytes::copy_from_slice(stored)).map(|message| message.body) {
        Ok(Body::Data(body)) => serde_json::from_slice::<Named>(&body).ok(),
        _ => None,
    };
    let named = body.map(|body| body.identity_map).unwrap_or_default();
    let identity = |(code, ids): (String, Vec<Id>)| {
        ids.into_iter().map(move |Id { id }| Identity::new(&code, id))
    };
    (Some(profile), named.into_iter().flat_map(identity).collect())
}

/// Erases what is about persons in a partition of an activation log, up to `delivered`, and counts
/// it for each; what comes behind that is counted as waiting.
pub(crate) fn erase(
    log: &str,
    partition: &Partition,
    delivered: u64,
    persons: &Persons,
    counts: &mut [LogErasures],
) -> Result<(), LogError> {
    let number = partition.number();
    let end = persons.end_in(log, number);
    let mut offsets = Vec::new();
    partition.visit(partition.start_offset()..end, |record| {
        let offset = record.offset;
        let (profile, names) = whom(&record.payload);
        for person in persons.in_message((log, number, offset), profile, &names) {
            let Some(count) = counts.get_mut(person) else { continue };
            let count = count.entry(log.to_owned()).or_default();
            if offset < delivered {
                count.erased += 1;
                offsets.push(offset);
            } else {
                count.waiting += 1;
            }
        }
        Ok::<(), LogError>(())
    })?;
    partition.erase(&offsets)?;
    Ok(())
}
