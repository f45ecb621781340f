//! Where a receiver starts: the selector that it attaches with.
//!
//! ```text
//! amqp.annotation.x-opt-offset           >  '41'        > or >=, quoted with ' or ", or bare
//! amqp.annotation.x-opt-offset           >  '-1'        from the start
//! amqp.annotation.x-opt-offset           >  '@latest'   what is enqueued from now on
//! amqp.annotation.x-opt-sequence-number  >= '41'
//! amqp.annotation.x-opt-enqueued-time    >  '1700000000000'   ms since the epoch
//! amqp.annotation.x-opt-enqueuedtimeutc  …              the same, from old clients
//! ```
//! No selector means from the start. Offset and sequence number are one and the same here.

use segue_log::Partition;

use crate::refusal::Refusal;

/// The map key of the selector in a source's filter set; .NET appends to it.
pub(crate) const SELECTOR_KEY: &str = "apache.org:selector-filter:string";

/// Where a receiver starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// At this sequence number, or at the oldest kept if that is newer.
    SequenceNumber(u64),
    /// At the first event enqueued at or after this time, in ms since the epoch.
    EnqueuedTime(i64),
    /// At what is enqueued after the attach.
    Latest,
}

impl Start {
    /// The oldest event that is kept.
    pub(crate) const EARLIEST: Start = Start::SequenceNumber(0);

    /// # Errors
    /// A refusal that quotes a selector which is none.
    pub(crate) fn parse(selector: &str) -> Result<Start, Refusal> {
        parse(selector).ok_or_else(|| Refusal::invalid_selector(selector))
    }

    /// The offset in `partition` to read from.
    ///
    /// # Errors
    /// A position after the partition's end: the checkpoint that it came from belongs to
    /// another hub, and waiting there would look like silence.
    pub(crate) fn resolve(self, partition: &Partition) -> Result<u64, Refusal> {
        let end = partition.end_offset();
        match self {
            Start::Latest => Ok(end),
            Start::SequenceNumber(number) if number > end => {
                Err(Refusal::position_after_end(number, end))
            }
            Start::SequenceNumber(number) => Ok(number.max(partition.start_offset())),
            Start::EnqueuedTime(time_ms) => {
                partition.offset_at_time(time_ms).map_err(|error| Refusal::from(&error))
            }
        }
    }
}

fn parse(selector: &str) -> Option<Start> {
    let rest = selector.trim().strip_prefix("amqp.annotation.")?;
    let (name, rest) = rest.split_once('>')?;
    let (inclusive, value) = match rest.strip_prefix('=') {
        Some(value) => (true, unquote(value.trim())?),
        None => (false, unquote(rest.trim())?),
    };
    match name.trim_end() {
        "x-opt-offset" | "x-opt-sequence-number" if value == "@latest" => Some(Start::Latest),
        "x-opt-offset" | "x-opt-sequence-number" => {
            let first = after(value.parse().ok()?, inclusive)?;
            // Clients say "from the start" with -1, inclusive or not.
            Some(Start::SequenceNumber(u64::try_from(first).unwrap_or(0)))
        }
        "x-opt-enqueued-time" | "x-opt-enqueuedtimeutc" => {
            Some(Start::EnqueuedTime(after(value.parse().ok()?, inclusive)?))
        }
        _ => None,
    }
}

/// The first number that satisfies `> value` or `>= value`.
fn after(value: i64, inclusive: bool) -> Option<i64> {
    if inclusive { Some(value) } else { value.checked_add(1) }
}

fn unquote(value: &str) -> Option<&str> {
    for quote in ['\'', '"'] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.strip_suffix(quote);
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(selector: &str, expected: Option<Start>) {
        assert_eq!(parse(selector), expected, "{selector}");
    }

    #[test]
    fn what_clients_send() {
        let number = |n| Some(Start::SequenceNumber(n));
        check("amqp.annotation.x-opt-offset > '-1'", number(0));
        check("amqp.annotation.x-opt-offset >= '-1'", number(0));
        check("amqp.annotation.x-opt-offset > -1", number(0));
        check("amqp.annotation.x-opt-offset > '41'", number(42));
        check("amqp.annotation.x-opt-offset >= \"41\"", number(41));
        check("amqp.annotation.x-opt-sequence-number > '41'", number(42));
        check("amqp.annotation.x-opt-sequence-number >= 41", number(41));
        check("amqp.annotation.x-opt-offset > '@latest'", Some(Start::Latest));
        check("amqp.annotation.x-opt-offset > @latest", Some(Start::Latest));
        check("amqp.annotation.x-opt-offset >= '@latest'", Some(Start::Latest));
        check("amqp.annotation.x-opt-enqueued-time > '1000'", Some(Start::EnqueuedTime(1001)));
        check("amqp.annotation.x-opt-enqueued-time >= '1000'", Some(Start::EnqueuedTime(1000)));
        check("amqp.annotation.x-opt-enqueuedtimeutc > '-5'", Some(Start::EnqueuedTime(-4)));
    }

    #[test]
    fn what_is_no_position() {
        for selector in [
            "",
            "amqp.annotation.x-opt-offset",
            "amqp.annotation.x-opt-offset < '1'",
            "amqp.annotation.x-opt-offset > ",
            "amqp.annotation.x-opt-offset > '",
            "amqp.annotation.x-opt-offset > '1",
            "amqp.annotation.x-opt-offset > 'one'",
            "amqp.annotation.x-opt-enqueued-time > '@latest'",
            "amqp.annotation.x-opt-offset > '9223372036854775807'",
            "amqp.annotation.x-opt-else > '1'",
            "x-opt-offset > '1'",
        ] {
            check(selector, None);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_position_or_none(text in ".*") {
            let _ = parse(&text);
            let _ = parse(&format!("amqp.annotation.x-opt-offset >{text}"));
        }

        #[test]
        fn after_n_is_from_n_plus_one(n in 0u64..1 << 62, time: bool, quote in "['\"]?") {
            let name = if time { "x-opt-enqueued-time" } else { "x-opt-sequence-number" };
            let with = |operator: &str, n: u64| {
                parse(&format!("amqp.annotation.{name} {operator} {quote}{n}{quote}"))
            };
            prop_assert!(with(">", n).is_some());
            prop_assert_eq!(with(">", n), with(">=", n + 1));
        }
    }
}
