//! When, and how often.

use super::{messages, refused};

#[test]
fn moments() {
    let found = messages(&[
        "a = now",
        "today != a",
        "now < today",
        "a in [now]",
        "a.includes(today)",
        "a + now > 1",
        "a.equals(now)",
        "let N = now in a < N",
        "if(a = 1, now, today) > b",
        "now occurs today",
        "5 occurs today",
        "a.count() occurs today",
        "a occurs",
        "a occurs 5",
        "a occurs < 3 days",
        "a occurs < 3 days before",
        "a occurs < 3 days before 5",
        "a occurs < 3 dayz before now",
        "a occurs < 3.5 days before now",
        "a occurs < 2000 years before now",
        "a occurs this millisecond",
        "a occurs between today",
        "a occurs after \"tomorrow\"",
        "a < date(2020, 2, 30)",
        "a < date(2020, 2)",
        "a < date(y, 2, 1)",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(before b)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WITHIN(3 days)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(= 0), C1: WHAT(a = 1) WITHIN(3 days)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C1: WHAT(a = 1) WITHIN(< 3 days)])",
    ]);
    insta::assert_snapshot!(found, @r#"
    a = now
      1:1 nothing can be equal to `now` or to a day (SEG0110); write field occurs today, or field < now
    today != a
      1:1 nothing can be equal to `now` or to a day (SEG0110); write field occurs today, or field < now
    now < today
      1:7 a field should be here (SEG0106); write the field that holds the moment: timestamp occurs …
    a in [now]
      1:7 a list can hold values only (SEG0106); texts stand in double quotes: ["a", "b"]
    a.includes(today)
      1:12 a moment can only be compared (SEG0110); write field < now, or field occurs < 3 days before now
    a + now > 1
      1:5 a moment can only be compared (SEG0110); write field < now, or field occurs < 3 days before now
    a.equals(now)
      1:10 a moment can only be compared (SEG0110); write field < now, or field occurs < 3 days before now
    let N = now in a < N
      1:9 `now` needs no name (SEG0110); write it where it is needed: field < now
    if(a = 1, now, today) > b
      1:11 a moment can only be compared (SEG0110); write the comparison into it: if(…, field < now, field < today)
      1:16 a moment can only be compared (SEG0110); write the comparison into it: if(…, field < now, field < today)
    now occurs today
      1:1 a field should be here (SEG0106); write the field that holds the moment: timestamp occurs …
    5 occurs today
      1:1 a field should be here (SEG0106); write the field that holds the moment: timestamp occurs …
    a.count() occurs today
      1:1 a number is no moment (SEG0106); write a field that holds a timestamp, now, today or date(2020, 3, 14)
    a occurs
      1:9 found the end of the definition where a moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    a occurs 5
      1:10 found `5` where a moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    a occurs < 3 days
      1:18 found the end of the definition where `before`, `after` or `from` should be (SEG0104)
    a occurs < 3 days before
      1:25 found the end of the definition where `now` or another moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    a occurs < 3 days before 5
      1:26 found `5` where `now` or another moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    a occurs < 3 dayz before now
      1:14 `dayz` is no unit of time (SEG0111); did you mean `days`?
    a occurs < 3.5 days before now
      1:12 `3.5` is not a whole number (SEG0103); write digits only, at most 9223372036854775807
    a occurs < 2000 years before now
      1:12 this window is longer than 1000 years (SEG0109); leave it out to look at all events
    a occurs this millisecond
      1:15 a millisecond is no stretch of the calendar (SEG0111); write this second, or a longer unit
    a occurs between today
      1:23 found the end of the definition where `and` should be (SEG0104)
    a occurs after "tomorrow"
      1:16 this text is no moment (SEG0111); write it as "2026-01-01T10:00:00Z", or date(2026, 1, 1)
    a < date(2020, 2, 30)
      1:5 there is no such day (SEG0103); write the year, the month from 1 to 12, and a day of that month
    a < date(2020, 2)
      1:5 date takes a year, a month and a day (SEG0106); write three whole numbers: date(2020, 3, 14)
    a < date(y, 2, 1)
      1:5 date takes a year, a month and a day (SEG0106); write three whole numbers: date(2020, 3, 14)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(before b)])
      1:55 a window is measured from now, from a day or from a date (SEG0111); write the condition into WHAT(…): timestamp occurs after field
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WITHIN(3 days)])
      1:50 there is no event before from which time could run (SEG0111); write WHEN(…) for a time before now, or WITHIN(…) on a later step
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(= 0), C1: WHAT(a = 1) WITHIN(3 days)])
      1:78 there is no event before from which time could run (SEG0111); write WHEN(…) for a time before now, or WITHIN(…) on a later step
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C1: WHAT(a = 1) WITHIN(< 3 days)])
      1:67 found `<` where a whole number should be (SEG0104)
    "#);
}

#[test]
fn a_wrong_unit() {
    let found = refused("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 huors before now)])");
    insta::assert_snapshot!(found, @r"
    error[SEG0111]: `huors` is no unit of time
     --> audience:1:53
      |
    1 | CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 huors before now)])
      |                                                     ^^^^^
      |
      = help: did you mean `hours`?
    ");
}

#[test]
fn windows() {
    let found = messages(&[
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN()])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(24 hours before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< hours before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 parsecs before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before now today)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 0 hours before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 1001 years before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< -1 hours before now)])",
    ]);
    insta::assert_snapshot!(found, @r"
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN()])
      1:48 found `)` where a window should be (SEG0104); write WHEN(< 24 hours before now), WHEN(today) or WHEN(this week)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(24 hours before now)])
      1:48 found `24` where a window should be (SEG0104); write WHEN(< 24 hours before now), WHEN(today) or WHEN(this week)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< hours before now)])
      1:50 found `hours` where a whole number should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 before now)])
      1:53 `before` is no unit of time (SEG0111); write one of milliseconds, seconds, minutes, hours, days, weeks, months, years, decades, centuries, millennia
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 parsecs before now)])
      1:53 `parsecs` is no unit of time (SEG0111); write one of milliseconds, seconds, minutes, hours, days, weeks, months, years, decades, centuries, millennia
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours)])
      1:58 found `)` where `before`, `after` or `from` should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before)])
      1:65 found `)` where `now` or another moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before now today)])
      1:70 found `today` where an operator or `)` should be (SEG0104); `(` of line 1, column 47 is still open
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 0 hours before now)])
      1:48 a window of no length holds no event (SEG0111); write at least 1; milliseconds are the smallest unit
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 1001 years before now)])
      1:50 this window is longer than 1000 years (SEG0109); leave it out to look at all events
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< -1 hours before now)])
      1:50 found `-` where a whole number should be (SEG0104)
    ");
}

#[test]
fn counts() {
    let found = messages(&[
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT()])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(0)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(>= 0)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(< 0)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(x)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(-1)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(10001)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(1.5)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(2, 3)])",
    ]);
    insta::assert_snapshot!(found, @r"
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT()])
      1:49 found `)` where a whole number should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(0)])
      1:49 this count is always true (SEG0112); write COUNT(1) for some event, COUNT(= 0) for none
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(>= 0)])
      1:49 this count is always true (SEG0112); write COUNT(1) for some event, COUNT(= 0) for none
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(< 0)])
      1:49 this count is never true (SEG0112); write COUNT(1) for some event, COUNT(= 0) for none
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(x)])
      1:49 found `x` where a whole number should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(-1)])
      1:49 found `-` where a whole number should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(10001)])
      1:49 the count 10001 is too high (SEG0109); at most 10000 is possible
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(1.5)])
      1:49 `1.5` is not a whole number (SEG0103); write digits only, at most 9223372036854775807
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(2, 3)])
      1:50 found `,` where an operator or `)` should be (SEG0104); `(` of line 1, column 48 is still open
    ");
}
