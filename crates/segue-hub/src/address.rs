//! Names of nodes: what a link attaches to, and what a token is for.
//!
//! ```text
//! $cbs                                             put a token here
//! $management | <hub>/$management                  ask about a hub or a partition
//! <hub>                                            send; the broker picks the partition
//! <hub>/Partitions/<id>                            send to one partition
//! <hub>/Publishers/<name>                          send as a named publisher
//! <hub>/ConsumerGroups/<group>/Partitions/<id>     receive
//! ```
//! Clients write the same node as an absolute URI, with a leading slash or relative, in any
//! case; host, port and scheme say nothing, since there is one namespace.

/// A node of the namespace. Names keep the case they came in; comparing is the entity's job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Address {
    /// Where tokens are put.
    Cbs,
    /// Where hubs and partitions are described.
    Management,
    /// A hub as a whole.
    EventHub { hub: String },
    /// One partition of a hub, to send to.
    Partition { hub: String, partition: String },
    /// A hub, sent to under a publisher's name.
    Publisher,
    /// One partition of a hub as a consumer group reads it.
    Consumer { hub: String, group: String, partition: String },
}

impl Address {
    /// The node that an attach names; `None` for a path that no entity can have.
    pub(crate) fn parse(address: &str) -> Option<Address> {
        let segments: Vec<&str> = path(address).split('/').collect();
        let is = |segment: &str, word: &str| segment.eq_ignore_ascii_case(word);
        let address = match *segments.as_slice() {
            [node] if is(node, "$cbs") => Address::Cbs,
            [node] | [_, node] if is(node, "$management") => Address::Management,
            [hub] if !hub.is_empty() => Address::EventHub { hub: hub.into() },
            [hub, word, id] if is(word, "partitions") => {
                Address::Partition { hub: hub.into(), partition: id.into() }
            }
            [_, word, name] if is(word, "publishers") && !name.is_empty() => Address::Publisher,
            [hub, groups, group, partitions, id]
                if is(groups, "consumergroups") && is(partitions, "partitions") =>
            {
                Address::Consumer { hub: hub.into(), group: group.into(), partition: id.into() }
            }
            _ => return None,
        };
        Some(address)
    }
}

/// The path below the namespace: no scheme, no authority, no slash at either end.
pub(crate) fn path(address: &str) -> &str {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => address,
    };
    path.trim_matches('/')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Option<Address>) {
        assert_eq!(Address::parse(address), expected, "{address}");
    }

    #[test]
    fn every_spelling_of_a_node() {
        let consumer = |group: &str| Address::Consumer {
            hub: "eh1".into(),
            group: group.into(),
            partition: "0".into(),
        };
        check("$cbs", Some(Address::Cbs));
        check("$management", Some(Address::Management));
        check("amqps://localhost:5672/$management", Some(Address::Management));
        check("eh1/$management", Some(Address::Management));
        check("eh1", Some(Address::EventHub { hub: "eh1".into() }));
        check("/eh1", Some(Address::EventHub { hub: "eh1".into() }));
        check("amqps://localhost:5672/eh1/", Some(Address::EventHub { hub: "eh1".into() }));
        check(
            "amqps://host/eh1/Partitions/0",
            Some(Address::Partition { hub: "eh1".into(), partition: "0".into() }),
        );
        check("eh1/publishers/device-1", Some(Address::Publisher));
        check("eh1/ConsumerGroups/$Default/Partitions/0", Some(consumer("$Default")));
        check("/eh1/consumergroups/CG/partitions/0", Some(consumer("CG")));
    }

    #[test]
    fn what_no_entity_can_be_called() {
        for address in
            ["", "/", "sb://localhost", "sb://localhost/", "eh1/Partitions", "eh1/x/0", "a/b/c/d/e"]
        {
            check(address, None);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_none(text in ".*") {
            let _ = Address::parse(&text);
            let _ = path(&text);
        }

        #[test]
        fn scheme_host_and_slash_say_nothing(
            hub in "[a-z][a-z0-9]{0,8}",
            group in "[$a-zA-Z]{1,8}",
            partition in 0u16..32,
            port in 1u16..,
        ) {
            let relative = format!("{hub}/ConsumerGroups/{group}/Partitions/{partition}");
            let expected = Address::parse(&relative);
            let is_consumer = matches!(expected, Some(Address::Consumer { .. }));
            prop_assert!(is_consumer);
            for spelling in [
                format!("/{relative}"),
                format!("amqps://localhost:{port}/{relative}"),
                format!("sb://h/{relative}/"),
            ] {
                prop_assert_eq!(Address::parse(&spelling), expected.clone());
            }
        }
    }
}
