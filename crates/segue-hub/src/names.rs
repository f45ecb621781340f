//! Which names hubs and consumer groups may have.
//!
//! A hub's lower-cased name is also its directory, so what is allowed here is what is safe
//! there: it begins and ends with a letter or digit, so `..` and hidden files cannot be named.

/// The consumer group that every hub has.
pub(crate) const DEFAULT_CONSUMER_GROUP: &str = "$Default";

/// Characters of a hub's name (Event Hubs quotas).
const EVENT_HUB_CHARS_MAX: usize = 256;
/// Characters of a consumer group's name over AMQP (Event Hubs quotas).
const CONSUMER_GROUP_CHARS_MAX: usize = 50;

/// Says what is wrong with the name of a hub.
pub(crate) fn check_event_hub(name: &str) -> Result<(), String> {
    check(name, EVENT_HUB_CHARS_MAX)
}

/// Says what is wrong with the name of a consumer group.
pub(crate) fn check_consumer_group(name: &str) -> Result<(), String> {
    check(name, CONSUMER_GROUP_CHARS_MAX)
}

fn check(name: &str, chars_max: usize) -> Result<(), String> {
    let edges = [name.chars().next(), name.chars().last()];
    let edges_good = edges.iter().all(|c| c.is_some_and(|c| c.is_ascii_alphanumeric()));
    let inside_good = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if edges_good && inside_good && name.len() <= chars_max {
        return Ok(());
    }
    Err(format!(
        "{name:?} is no name: use at most {chars_max} letters, digits, '.', '_' and '-', \
         with a letter or digit at both ends"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_directories() {
        for good in ["a", "activations", "eh1", "inbound_eh", "A.b-c_9"] {
            assert_eq!(check_event_hub(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a\\b", "-a", "a-", "a b", "é", "$Default", ".a"] {
            assert!(check_event_hub(bad).is_err(), "{bad}");
        }
        assert!(check_event_hub(&"a".repeat(256)).is_ok());
        assert!(check_event_hub(&"a".repeat(257)).is_err());
        assert!(check_consumer_group(&"a".repeat(51)).is_err());
    }
}
