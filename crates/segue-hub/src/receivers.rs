//! Who reads which partition for which consumer group: epochs and the limit of five.
//!
//! - A receiver with an epoch displaces every other one of its consumer group and partition
//!   unless one there has a higher epoch; of two equal epochs the newcomer wins.
//! - While a receiver with an epoch is there, one without is turned down.
//! - Without epochs, [`RECEIVERS_MAX`] may share a partition.
//!
//! A displaced receiver usually belongs to another connection, so it is told through that
//! connection's [`Mailbox`].

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::refusal::Refusal;

/// Receivers without epoch that one consumer group may have on one partition.
pub(crate) const RECEIVERS_MAX: usize = 5;

/// A receiver, unique within the process.
pub(crate) type ReceiverId = u64;

static NEXT_RECEIVER: AtomicU64 = AtomicU64::new(1);

/// Where a connection learns that receivers of its own were displaced.
#[derive(Default)]
pub(crate) struct Mailbox {
    displaced: Mutex<Vec<(ReceiverId, Refusal)>>,
    filled: Notify,
}

impl Mailbox {
    fn put(&self, receiver: ReceiverId, refusal: Refusal) {
        self.displaced.lock().push((receiver, refusal));
        self.filled.notify_one();
    }

    /// What came in since the last call.
    pub(crate) fn take(&self) -> Vec<(ReceiverId, Refusal)> {
        std::mem::take(&mut *self.displaced.lock())
    }

    /// Completes when something has come in.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }
}

/// The receivers of one hub.
#[derive(Default)]
pub(crate) struct Receivers {
    by_place: Mutex<HashMap<Place, Vec<Receiver>>>,
}

/// A partition as one consumer group (lower-cased) sees it.
type Place = (String, u16);

struct Receiver {
    id: ReceiverId,
    name: String,
    epoch: Option<i64>,
    mailbox: Arc<Mailbox>,
}

/// Who asks for a place.
pub(crate) struct Newcomer<'a> {
    /// What the client calls the receiver; it appears in other receivers' errors.
    pub(crate) name: &'a str,
    /// Its epoch, if it wants the place for itself.
    pub(crate) epoch: Option<i64>,
    /// Where it wants to learn that it was displaced.
    pub(crate) mailbox: &'a Arc<Mailbox>,
}

impl Receivers {
    /// Takes a place, displacing whoever has to go.
    ///
    /// # Errors
    /// The refusal for the newcomer when those who are there may stay.
    pub(crate) fn enter(
        self: &Arc<Self>,
        group: &str,
        partition: u16,
        newcomer: &Newcomer<'_>,
    ) -> Result<Registration, Refusal> {
        let place = (group.to_ascii_lowercase(), partition);
        let mut places = self.by_place.lock();
        let present = places.entry(place.clone()).or_default();
        match newcomer.epoch {
            Some(epoch) => displace(present, newcomer.name, epoch)?,
            None => admit_without_epoch(present)?,
        }
        let id = NEXT_RECEIVER.fetch_add(1, Ordering::Relaxed);
        present.push(Receiver {
            id,
            name: newcomer.name.to_owned(),
            epoch: newcomer.epoch,
            mailbox: Arc::clone(newcomer.mailbox),
        });
        Ok(Registration { receivers: Arc::clone(self), place, id })
    }
}

fn displace(present: &mut Vec<Receiver>, name: &str, epoch: i64) -> Result<(), Refusal> {
    let owner = present.iter().find_map(|receiver| Some((receiver, receiver.epoch?)));
    if let Some((owner, owner_epoch)) = owner
        && owner_epoch > epoch
    {
        return Err(Refusal::lower_epoch(&owner.name, owner_epoch, name, epoch));
    }
    for receiver in present.drain(..) {
        let old_epoch = receiver.epoch.map_or_else(|| "none".to_owned(), |old| old.to_string());
        let refusal = Refusal::displaced(name, epoch, &receiver.name, &old_epoch);
        receiver.mailbox.put(receiver.id, refusal);
    }
    Ok(())
}

fn admit_without_epoch(present: &[Receiver]) -> Result<(), Refusal> {
    if let Some(epoch) = present.iter().find_map(|receiver| receiver.epoch) {
        return Err(Refusal::epoch_required(epoch));
    }
    if present.len() >= RECEIVERS_MAX {
        let names: Vec<&str> = present.iter().map(|receiver| receiver.name.as_str()).collect();
        return Err(Refusal::too_many_receivers(RECEIVERS_MAX, &names));
    }
    Ok(())
}

/// A place that is held until this is dropped.
pub(crate) struct Registration {
    receivers: Arc<Receivers>,
    place: Place,
    id: ReceiverId,
}

impl Registration {
    /// Whose place it is.
    pub(crate) fn id(&self) -> ReceiverId {
        self.id
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut places = self.receivers.by_place.lock();
        if let Some(present) = places.get_mut(&self.place) {
            present.retain(|receiver| receiver.id != self.id);
            if present.is_empty() {
                places.remove(&self.place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        receivers: Arc<Receivers>,
        mailbox: Arc<Mailbox>,
    }

    impl Place {
        fn new() -> Place {
            Place { receivers: Arc::default(), mailbox: Arc::default() }
        }

        fn enter(&self, name: &str, epoch: Option<i64>) -> Result<Registration, Refusal> {
            let newcomer = Newcomer { name, epoch, mailbox: &self.mailbox };
            self.receivers.enter("$Default", 0, &newcomer)
        }

        fn displaced(&self) -> Vec<ReceiverId> {
            self.mailbox.take().into_iter().map(|(id, _)| id).collect()
        }
    }

    fn text(entered: Result<Registration, Refusal>) -> String {
        entered.err().expect("turned down").to_string()
    }

    #[test]
    fn an_equal_or_higher_epoch_displaces() {
        let place = Place::new();
        let first = place.enter("a", Some(1)).unwrap();
        let second = place.enter("b", Some(1)).unwrap();
        assert_eq!(place.displaced(), [first.id()]);
        let _third = place.enter("c", Some(2)).unwrap();
        assert_eq!(place.displaced(), [second.id()]);
        drop((first, second));
        let lower = text(place.enter("d", Some(1)));
        assert!(
            lower.starts_with("amqp:link:stolen: Receiver 'c' with a higher epoch '2' already")
        );
    }

    #[test]
    fn an_epoch_displaces_those_without_and_keeps_them_out() {
        let place = Place::new();
        let without = [place.enter("a", None).unwrap(), place.enter("b", None).unwrap()];
        let with = place.enter("c", Some(0)).unwrap();
        assert_eq!(place.displaced(), without.each_ref().map(Registration::id));
        let refused = text(place.enter("d", None));
        assert!(refused.contains("created with epoch of '0'"), "{refused}");
        drop(with);
        assert!(place.enter("d", None).is_ok());
    }

    #[test]
    fn five_without_epoch_and_no_more() {
        let place = Place::new();
        let five: Vec<_> = (0..5).map(|i| place.enter(&format!("r{i}"), None).unwrap()).collect();
        let sixth = text(place.enter("r5", None));
        assert!(sixth.ends_with("List of connected receivers - r0, r1, r2, r3, r4."), "{sixth}");
        let newcomer = Newcomer { name: "x", epoch: None, mailbox: &place.mailbox };
        assert!(place.receivers.enter("other", 0, &newcomer).is_ok(), "another group");
        drop(five);
        assert!(place.receivers.by_place.lock().is_empty());
    }
}
