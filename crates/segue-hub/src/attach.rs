//! Who may attach to what, and how: the decision behind every attach.
//!
//! Rights are checked before anything else, so that a client without them learns nothing about
//! which hubs exist.

use std::collections::VecDeque;

use segue_amqp::codec::Value;
use segue_amqp::frame::{Attach, Role, SettleMode};
use segue_amqp::message::{IDEMPOTENT_PRODUCER, Numbering};

use crate::MESSAGE_BYTES_MAX;
use crate::address::{Address, path};
use crate::auth::Claim;
use crate::event_hub::EventHub;
use crate::filter::{SELECTOR_KEY, Start};
use crate::peer::Peer;
use crate::receiver::{Origin, ReceiverLink};
use crate::receivers::Newcomer;
use crate::refusal::Refusal;
use crate::sender::{Destination, Route, SenderLink};
use crate::subscription::Subscription;

/// Property of a receiver that wants its partition for itself.
const EPOCH: &str = "com.microsoft:epoch";
/// Property with a receiver's name; the Rust SDK spells it in its own way.
const RECEIVER_NAMES: [&str; 2] =
    ["com.microsoft:receiver-name", "com.microsoft.com:receiver-name"];
/// Capability of receivers that want to be told where the partition ends.
const RUNTIME_METRIC: &str = "com.microsoft:enable-receiver-runtime-metric";

/// A link of a session.
pub(crate) struct Link {
    /// What keeps it attached; control nodes ask for nothing.
    pub(crate) access: Option<Access>,
    /// Which way its messages go.
    pub(crate) end: End,
}

/// The end of a link that the client holds.
pub(crate) enum End {
    /// The client sends.
    Sender(SenderLink),
    /// The client receives.
    Receiver(Box<ReceiverLink>),
}

/// The right that a link stands on.
pub(crate) struct Access {
    claim: Claim,
    path: String,
}

impl Access {
    /// Whether the client still has, or has at all, the right.
    ///
    /// # Errors
    /// The refusal that names it.
    pub(crate) fn check(&self, peer: &Peer) -> Result<(), Refusal> {
        peer.grants.check(self.claim, &self.path, peer.now_ms)
    }
}

/// Makes the link that an attach asks for.
///
/// # Errors
/// Why it is refused.
pub(crate) fn link(attach: &Attach, peer: &Peer) -> Result<Link, Refusal> {
    let name = match attach.role {
        Role::Sender => attach.target.as_ref().and_then(|target| target.address.as_deref()),
        Role::Receiver => attach.source.as_ref().and_then(|source| source.address.as_deref()),
    };
    let name = name.ok_or_else(|| Refusal::invalid_argument("The attach names no node."))?;
    let address = Address::parse(name).ok_or_else(|| Refusal::not_found(path(name)))?;
    if matches!(address, Address::Cbs | Address::Management) {
        return Ok(Link { access: None, end: control_end(attach, address) });
    }
    let claim = match attach.role {
        Role::Sender => Claim::Send,
        Role::Receiver => Claim::Listen,
    };
    let access = Access { claim, path: path(name).to_owned() };
    access.check(peer)?;
    let end = match attach.role {
        Role::Sender => End::Sender(sender(attach, &address, peer)?),
        Role::Receiver => End::Receiver(Box::new(receiver(attach, &address, peer)?)),
    };
    Ok(Link { access: Some(access), end })
}

/// The frame that confirms an attach, or, without a link, that begins its refusal: then the
/// terminus is missing that the client asked for.
pub(crate) fn reply(attach: &Attach, link: Option<&Link>) -> Attach {
    let is_refused = link.is_none();
    let numbering = link.and_then(|link| match &link.end {
        End::Sender(sender) => sender.numbering(),
        End::Receiver(_) => None,
    });
    let offer = numbering.map(|_| IDEMPOTENT_PRODUCER.to_owned());
    let client_receives = attach.role == Role::Receiver;
    let role = if client_receives { Role::Sender } else { Role::Receiver };
    Attach {
        settle_mode: attach.settle_mode,
        source: attach.source.clone().filter(|_| !(is_refused && client_receives)),
        target: attach.target.clone().filter(|_| !is_refused || client_receives),
        max_message_size: Some(MESSAGE_BYTES_MAX as u64),
        offered_capabilities: offer.into_iter().collect(),
        properties: numbering.unwrap_or_default().properties(),
        ..Attach::new(attach.name.as_str(), attach.handle, role)
    }
}

fn control_end(attach: &Attach, node: Address) -> End {
    match attach.role {
        Role::Sender => {
            let destination = match node {
                Address::Cbs => Destination::Cbs,
                _ => Destination::Management,
            };
            End::Sender(sender_link(attach, destination))
        }
        Role::Receiver => {
            let origin = Origin::Responses { node, queue: VecDeque::new() };
            End::Receiver(Box::new(receiver_link(attach, origin)))
        }
    }
}

fn sender(attach: &Attach, address: &Address, peer: &Peer) -> Result<SenderLink, Refusal> {
    let is_numbered = attach.desired_capabilities.iter().any(|wish| wish == IDEMPOTENT_PRODUCER);
    let (hub, partition) = match address {
        Address::EventHub { hub } => (find(peer, hub)?, None),
        Address::Partition { hub, partition } => {
            let hub = find(peer, hub)?;
            let partition = partition_index(&hub, partition)?;
            (hub, Some(partition))
        }
        Address::Publisher => {
            return Err(Refusal::not_implemented(
                "This broker has no publisher addresses yet: send to <hub>.",
            ));
        }
        Address::Cbs | Address::Management | Address::Consumer { .. } => {
            return Err(Refusal::not_allowed("Send to <hub> or <hub>/Partitions/<id>."));
        }
    };
    let route = match partition {
        Some(partition) if is_numbered => {
            let asked = Numbering::of_properties(&attach.properties);
            Route::Numbered { partition, last: hub.attach_producer(partition, asked)? }
        }
        Some(partition) => Route::Partition(partition),
        // Numbers are those of one partition: a link to all of them offers none.
        None => Route::Any,
    };
    Ok(sender_link(attach, Destination::EventHub { hub, route }))
}

fn sender_link(attach: &Attach, destination: Destination) -> SenderLink {
    SenderLink::new(attach.handle, destination, attach.initial_delivery_count.unwrap_or(0))
}

fn receiver(attach: &Attach, address: &Address, peer: &Peer) -> Result<ReceiverLink, Refusal> {
    let Address::Consumer { hub, group, partition } = address else {
        let text = "Receive from <hub>/ConsumerGroups/<group>/Partitions/<id>.";
        return Err(Refusal::not_allowed(text));
    };
    let hub = find(peer, hub)?;
    if !hub.has_consumer_group(group) {
        return Err(Refusal::not_found(&format!("{}/ConsumerGroups/{group}", hub.name())));
    }
    let index = partition_index(&hub, partition)?;
    let partition = hub.log().partition(index);
    let partition = partition.ok_or_else(|| no_such_partition(&hub))?;

    let selector = attach.source.as_ref().and_then(|source| source.filter_text(SELECTOR_KEY));
    let start = selector.map_or(Ok(Start::EARLIEST), Start::parse)?;
    let offset = start.resolve(partition)?;
    let property = |name: &str| attach.properties.get(name);
    let newcomer = Newcomer {
        name: RECEIVER_NAMES
            .iter()
            .find_map(|name| property(name).and_then(Value::as_str))
            .unwrap_or(&attach.name),
        epoch: property(EPOCH).and_then(Value::as_i64),
        mailbox: &peer.mailbox,
    };
    let registration = hub.receivers().enter(group, index, &newcomer)?;
    let origin = Origin::Events {
        subscription: Box::new(Subscription::new(partition, offset, registration)),
        metrics: attach.desired_capabilities.iter().any(|wish| wish == RUNTIME_METRIC),
    };
    Ok(receiver_link(attach, origin))
}

fn receiver_link(attach: &Attach, origin: Origin) -> ReceiverLink {
    ReceiverLink::new(attach.handle, origin, attach.settle_mode != SettleMode::Unsettled)
}

fn find(peer: &Peer, hub: &str) -> Result<EventHub, Refusal> {
    peer.hub.find(hub).ok_or_else(|| Refusal::not_found(hub))
}

fn partition_index(hub: &EventHub, id: &str) -> Result<u16, Refusal> {
    hub.partition_index(id).ok_or_else(|| no_such_partition(hub))
}

fn no_such_partition(hub: &EventHub) -> Refusal {
    Refusal::no_such_partition(hub.partition_count())
}
