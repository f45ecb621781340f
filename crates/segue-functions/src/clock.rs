//! Time: the system's clock, and how moments are written.

/// RFC 3339 in UTC, with milliseconds and `Z`.
pub(crate) fn utc(time_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(time_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// The time of the system's clock, in milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
