//! Durations as host.json, function.json and `@azure/functions` write them.

use std::time::Duration;

use serde_json::Value;

/// .NET's `[d.]hh:mm:ss[.fraction]`, `{"seconds": 5}` as `@azure/functions` sends it, or a number
/// of seconds.
pub(crate) fn parse(value: &Value) -> Option<Duration> {
    match value {
        Value::String(text) => parse_text(text),
        Value::Object(parts) => {
            let part = |name: &str| parts.get(name).and_then(Value::as_f64).unwrap_or(0.0);
            let seconds = part("hours") * 3600.0 + part("minutes") * 60.0 + part("seconds");
            Duration::try_from_secs_f64(seconds + part("milliseconds") / 1000.0).ok()
        }
        Value::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        _ => None,
    }
}

fn parse_text(text: &str) -> Option<Duration> {
    let mut parts = text.trim().split(':');
    let (first, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (days, hours) = first.split_once('.').unwrap_or(("0", first));
    let whole = |text: &str, below: u64| text.parse::<u64>().ok().filter(|number| *number < below);
    let days = whole(days, 100_000)?;
    let hours = whole(hours, 24)?;
    let minutes = whole(minutes, 60)?;
    let seconds = seconds.parse::<f64>().ok().filter(|number| (0.0..60.0).contains(number))?;
    let whole_seconds = ((days * 24 + hours) * 60 + minutes) * 60;
    Some(Duration::from_secs(whole_seconds) + Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::{Value, json};
    use std::time::Duration;

    #[track_caller]
    fn check(value: Value, milliseconds: impl Into<Option<u64>>) {
        assert_eq!(parse(&value), milliseconds.into().map(Duration::from_millis));
    }

    #[test]
    fn every_spelling() {
        check(json!("00:00:10"), 10_000);
        check(json!("00:01:00.5"), 60_500);
        check(json!("1.02:03:04"), 93_784_000);
        check(json!({"seconds": 2}), 2_000);
        check(json!({"minutes": 1, "milliseconds": 5}), 60_005);
        check(json!(3), 3_000);
    }

    #[test]
    fn what_is_no_time_span() {
        for text in ["10", "00:60:00", "-00:00:01", "1:2:3:4", "soon", "00:00:NaN"] {
            check(json!(text), None);
        }
        check(json!(-1), None);
        check(json!(null), None);
    }
}
