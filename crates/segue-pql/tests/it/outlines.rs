//! Plans in words.

use std::fmt::Write;

use super::sound;

fn outlined(definition: &str) -> String {
    let outline = sound(definition).outline();
    let mut text = String::new();
    for predicate in &outline.predicates {
        writeln!(text, "event: {predicate}").unwrap();
    }
    for part in &outline.parts {
        writeln!(text, "part: {}", part.form).unwrap();
        part.keeps.iter().for_each(|keep| writeln!(text, "  keeps {keep}").unwrap());
        if let Some(place) = part.render(definition, "a") {
            writeln!(text, "{place}").unwrap();
        }
    }
    writeln!(text, "incremental: {}", outline.is_incremental()).unwrap();
    text
}

#[test]
fn counts_and_windows_are_told_in_the_language() {
    insta::assert_snapshot!(outlined(
        r#"CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("Sports", false) and n > 5)
               WHEN(< 24 hours before now) COUNT(3)])"#
    ), @r#"
    event: page.equals("SPORTS", false) and n > 5
    part: at least 3 events with page.equals("SPORTS", false) and n > 5, each counting < 24 hours before now
      keeps the newest 3 events with page.equals("SPORTS", false) and n > 5, while < 24 hours before now
    incremental: true
    "#);
    insta::assert_snapshot!(outlined(
        r#"select e from xEvent where e.items.exists(sku = "a" or sku in ["b", "c"])"#
    ), @r#"
    event: items.exists(sku = "a" or sku in ["b", "c"])
    part: at least 1 event with items.exists(sku = "a" or sku in ["b", "c"])
      keeps the newest event with items.exists(sku = "a" or sku in ["b", "c"])
    incremental: true
    "#);
}

#[test]
fn sequences_totals_attributes_and_memberships_are_told() {
    insta::assert_snapshot!(outlined(
        r#"CHAIN(xEvent, timestamp, [A: WHAT(page = "cart") WHEN(today), B: WHAT(page = "pay") COUNT(= 0)])"#
    ), @r#"
    event: page = "cart"
    event: page = "pay"
    part: in this order: at least 1 event with page = "cart", each counting today, then no event with page = "pay"
      keeps all events with page = "cart", while today
      keeps all events with page = "pay"
    incremental: true
    "#);
    insta::assert_snapshot!(outlined(
        r#"xEvent[type = "order"].sum(price) > 100 and person.age >= 18 and inSegment("gold")"#
    ), @r#"
    event: type = "order"
    part: sum of price > 100, over events with type = "order"
      keeps totals of price of events with type = "order"
    part: a condition on attributes
    part: membership in the audience gold
    incremental: true
    "#);
}

#[test]
fn what_is_interpreted_is_shown_with_its_place_and_the_reason() {
    insta::assert_snapshot!(outlined(
        "person.age > 17 and xEvent.topN(price, 3).sum(price) > 5"
    ), @"
    event: any content
    part: a condition on attributes
    part: read from the stored events: it computes with lists of events
    note: this part is evaluated over the stored events
     --> a:1:21
      |
    1 | person.age > 17 and xEvent.topN(price, 3).sum(price) > 5
      |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ it computes with lists of events
    incremental: false
    ");
    insta::assert_snapshot!(outlined("xEvent.exists(n + 1 > 2)"), @"
    event: n + 1 > 2
    part: at least 1 event with n + 1 > 2
      keeps the newest event with n + 1 > 2
    incremental: true
    ");
}
