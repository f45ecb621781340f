//! Limits of a definition. Each is high above what people write and low enough that reading,
//! storing and evaluating a definition stays cheap and its recursion stays flat.

/// Bytes of a definition's source: 1 MiB, the size of the largest request that ingest accepts.
pub const SOURCE_BYTES_MAX: usize = 1024 * 1024;
/// Parentheses, calls, `not`s and other groups within each other: reading and evaluating recurse
/// once for each, and a thread's stack is finite.
pub const NESTING_MAX: usize = 64;
/// Nodes of a tree above each other: what `NESTING_MAX` groups can hold, with a few for each, of
/// what needs no brackets to nest: `a + b + c`, `a.distinct().count()`.
pub(crate) const TREE_HEIGHT_MAX: usize = 256;
/// Values in one list: ten times what Adobe's rule builder takes, since the reference interpreter
/// walks lists from the front.
pub const LIST_ITEMS_MAX: usize = 1000;
/// Steps of one chain: every event of a profile is tried against every step.
pub const CHAIN_STEPS_MAX: usize = 32;
/// Events that one `COUNT` can ask for: to decide "at least n in a window" exactly, the n newest
/// timestamps must be kept for each profile.
pub const COUNT_MAX: u32 = 10_000;
/// Years that a window can span: the language's longest unit, the millennium, once.
pub const WINDOW_YEARS_MAX: i64 = 1000;
/// Labels of one chain that later steps refer to: for each, evaluation looks at the combinations
/// of events that the steps could have taken. Over 5,000 events one takes seconds, two take hours.
pub const CHAIN_REFERENCES_MAX: usize = 1;
/// Lists of events that are gone over within each other, for the same reason.
pub const EVENT_LOOPS_MAX: usize = 2;
/// Variables of one `select`, `exists` or `forall`: each goes through a list for each item of the
/// one before.
pub const VARIABLES_MAX: usize = 8;
/// Regular expressions of one definition: compiling one takes a fraction of a millisecond.
pub const PATTERNS_MAX: usize = 100;
/// Bytes of one regular expression.
pub const PATTERN_BYTES_MAX: usize = 1000;
/// Diagnostics of one definition: nobody reads more, and a hostile source could cause one a byte.
pub const DIAGNOSTICS_MAX: usize = 20;
/// Moments that are looked at for the next change of a value: enough for every event of a long
/// history to leave one window, and an end for what changes every day and never matters.
pub const FLIP_STEPS_MAX: usize = 10_000;
