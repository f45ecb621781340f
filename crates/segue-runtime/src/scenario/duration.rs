//! How scenarios write a span of time: `2h59m59s`, `30d`, `250ms`.

/// The units, in milliseconds.
const UNITS: [(&str, i64); 6] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
    ("w", 7 * 24 * 60 * 60 * 1000),
];

/// The milliseconds of a span such as `1d2h`; `None` when it is not written like that.
pub(super) fn parse_millis(text: &str) -> Option<i64> {
    let mut millis: i64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |character| character.is_ascii_digit());
        let (unit, after) = split_while(after, |character| character.is_ascii_alphabetic());
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        millis = millis.checked_add(number.parse::<i64>().ok()?.checked_mul(*factor)?)?;
        rest = after.trim_start();
    }
    Some(millis)
}

fn split_while(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|character| !wanted(character)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::parse_millis;

    #[test]
    fn reads_spans_and_nothing_else() {
        assert_eq!(parse_millis("0s"), Some(0));
        assert_eq!(parse_millis("2h59m59s"), Some(10_799_000));
        assert_eq!(parse_millis("1w 250ms"), Some(604_800_250));
        for wrong in ["", "3", "h", "-1s", "1.5s", "1x", "99999999999999999999d"] {
            assert_eq!(parse_millis(wrong), None, "{wrong}");
        }
    }
}
