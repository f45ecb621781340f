//! Timestamps as text, cheaply where one after the other is of the same day.

use segue_xdm::Timestamp;

/// A timestamp as it is written: always with milliseconds, so that it always has this length.
pub type Text = [u8; 24];

const DATE: usize = "2026-01-01".len();
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Where the digits of the time of day are, and which ones: milliseconds of one, and its base.
const DIGITS: [(usize, i64, i64); 9] = [
    (11, 36_000_000, 10),
    (12, 3_600_000, 10),
    (14, 600_000, 6),
    (15, 60_000, 10),
    (17, 10_000, 6),
    (18, 1_000, 10),
    (20, 100, 10),
    (21, 10, 10),
    (22, 1, 10),
];

/// Writes timestamps. Works out a date only when it is not that of the one before.
#[derive(Clone, Debug)]
pub struct Clock {
    day: i64,
    midnight: Text,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { day: 0, midnight: *b"1970-01-01T00:00:00.000Z" }
    }
}

impl Clock {
    /// This moment, of a year with four digits.
    pub fn text(&mut self, at: Timestamp) -> Text {
        let ms = at.as_millis();
        let day = ms.div_euclid(DAY_MS);
        if day != self.day {
            let date = Timestamp::from_millis(day * DAY_MS).to_jiff().to_string();
            self.midnight.iter_mut().zip(date.bytes()).take(DATE).for_each(|(to, from)| *to = from);
            self.day = day;
        }
        let (ms, mut text) = (ms.rem_euclid(DAY_MS), self.midnight);
        for (place, unit, base) in DIGITS {
            if let Some(digit) = text.get_mut(place) {
                *digit = b'0' + (ms / unit % base) as u8;
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_a_calendar_says() {
        let mut clock = Clock::default();
        let mut check = |ms| {
            let at = Timestamp::from_millis(ms);
            let text = String::from_utf8(clock.text(at).to_vec()).unwrap();
            assert_eq!(text, format!("{:.3}", at.to_jiff()));
        };
        // From 1949 to 2065, at all times of day, and back.
        let steps = (-10_000..50_000).map(|step| step * 60_111_222);
        steps.clone().chain(steps.rev()).for_each(&mut check);
        [0, -1, DAY_MS - 1, DAY_MS].into_iter().for_each(check);
    }
}
