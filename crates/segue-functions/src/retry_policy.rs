//! How often a failed batch is tried again, and after how long.

use std::time::Duration;

use serde_json::Value;

use crate::app::time_span;

/// The retry policy of a function, from `retry` in its definition or in host.json.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// Attempts after the first one; `None` is forever (`-1` in the files).
    pub(crate) max_retries: Option<u32>,
    pub(crate) delays: Delays,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delays {
    Fixed(Duration),
    /// `minimum` plus a share of it that doubles each time, up to `maximum`.
    Exponential {
        minimum: Duration,
        maximum: Duration,
    },
}

impl RetryPolicy {
    /// Reads both spellings: function.json and host.json say `strategy`, the v4 library says
    /// `retryStrategy`.
    pub(crate) fn parse(value: &Value) -> Result<RetryPolicy, String> {
        let field = |names: [&str; 2]| names.iter().find_map(|name| value.get(*name));
        let strategy = field(["strategy", "retryStrategy"]).and_then(Value::as_str).unwrap_or("");
        let span = |name: &str| {
            let found = value.get(name).ok_or_else(|| format!("retry.{name} is missing"))?;
            time_span::parse(found)
                .ok_or_else(|| format!("retry.{name} must be a time span, as in \"00:00:10\""))
        };
        let delays = if strategy.eq_ignore_ascii_case("fixedDelay") {
            Delays::Fixed(span("delayInterval")?)
        } else if strategy.eq_ignore_ascii_case("exponentialBackoff") {
            let (minimum, maximum) = (span("minimumInterval")?, span("maximumInterval")?);
            Delays::Exponential { minimum, maximum }
        } else {
            return Err(format!(
                "retry.strategy must be fixedDelay or exponentialBackoff, found \"{strategy}\""
            ));
        };
        let max_retries = match value.get("maxRetryCount").and_then(Value::as_i64) {
            Some(-1) => None,
            Some(count) if count >= 0 => Some(u32::try_from(count).unwrap_or(u32::MAX)),
            _ => return Err("retry.maxRetryCount must be -1 (forever) or more".to_owned()),
        };
        Ok(RetryPolicy { max_retries, delays })
    }

    /// How long to wait after the `failures`-th failure (from 1 on); `None` when it was the last
    /// attempt. `jitter`, within 0..1, spreads exponential delays by ±20 %, as Azure does.
    pub(crate) fn delay_after(&self, failures: u32, jitter: f64) -> Option<Duration> {
        if self.max_retries.is_some_and(|most| failures > most) {
            return None;
        }
        Some(match self.delays {
            Delays::Fixed(delay) => delay,
            Delays::Exponential { minimum, maximum } => {
                let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
                let spread = 0.8 + 0.4 * jitter;
                let grown = minimum.as_secs_f64() * (1.0 + spread * 2f64.powi(exponent));
                Duration::try_from_secs_f64(grown).unwrap_or(maximum).min(maximum)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::RetryPolicy;
    use serde_json::json;

    #[test]
    fn fixed_delays_end_after_the_last_retry() {
        let policy = RetryPolicy::parse(&json!({
            "strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:05"
        }))
        .unwrap();
        let delays = (1..=3).map(|n| policy.delay_after(n, 0.0).map(|d| d.as_secs()));
        assert_eq!(delays.collect::<Vec<_>>(), [Some(5), Some(5), None]);
    }

    #[test]
    fn exponential_delays_grow_to_the_maximum_and_may_go_on_forever() {
        let policy = RetryPolicy::parse(&json!({
            "retryStrategy": "exponentialBackoff", "maxRetryCount": -1,
            "minimumInterval": {"seconds": 1}, "maximumInterval": {"seconds": 10}
        }))
        .unwrap();
        let delay = |n, jitter| policy.delay_after(n, jitter).unwrap().as_millis();
        assert_eq!([1, 2, 3, 4, 5].map(|n| delay(n, 0.5)), [2000, 3000, 5000, 9000, 10_000]);
        assert_eq!((delay(3, 0.0), delay(3, 1.0)), (4200, 5800));
        assert_eq!(delay(u32::MAX, 1.0), 10_000);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |value| RetryPolicy::parse(&value).unwrap_err();
        assert!(message(json!({"maxRetryCount": 1})).contains("retry.strategy"));
        let fixed = json!({"strategy": "fixedDelay", "maxRetryCount": 1});
        assert!(message(fixed).contains("retry.delayInterval is missing"));
        let count = json!({"strategy": "fixedDelay", "delayInterval": 1, "maxRetryCount": -2});
        assert!(message(count).contains("retry.maxRetryCount"));
    }
}
