//! Cases that once made a difference.

use serde_json::{Value, json};

use crate::inputs::{Case, Command};
use crate::run::check;
use crate::together::check_together;

const PAGE_A: &str = "CHAIN(xEvent, timestamp, [C0: WHAT(page = \"a\")])";

fn event(ids: &[usize], body: Value) -> Command {
    Command::Event { ids: ids.to_vec(), body, late_ms: 0, repeats: false }
}

#[track_caller]
fn same(definitions: [&str; 3], commands: Vec<(i64, Command)>) {
    let definitions = definitions.map(str::to_owned).to_vec();
    let case = Case { definitions, commands, restart: 10 };
    check(&Case { restart: 0, ..case.clone() }).unwrap();
    check_together(&case).unwrap();
}

/// An item was found by one of its fields, and the others were not asked.
#[test]
fn an_item_must_pass_every_test() {
    let items = "not (CHAIN(xEvent, timestamp, [C0: WHAT(items.exists(sku = \"y\" and n > 1))]))";
    let body = json!({"items": [{"sku": "y", "n": 0}]});
    same([items, PAGE_A, PAGE_A], vec![(0, event(&[0], body))]);
}

/// The moment of a removed audience stayed the first one, and no later one was woken for.
#[test]
fn a_removed_audience_leaves_no_moment_behind() {
    let lapsed = "not (CHAIN(xEvent, timestamp, [C0: WHAT(page = \"a\") \
                  WHEN(< 3 seconds before now)]))";
    let recent = "CHAIN(xEvent, timestamp, [C0: WHAT(page = \"a\") WHEN(< 5 seconds before now)])";
    let visit = || event(&[0], json!({"page": "a"}));
    let commands = vec![(0, visit()), (2000, Command::Remove(1)), (5000, Command::Tick)];
    same([recent, lapsed, PAGE_A], commands);
}

/// Events that had left a profile for a third one came with it into the one that absorbed it.
#[test]
fn what_left_an_absorbed_profile_is_not_absorbed() {
    let commands = vec![
        (0, Command::Namespace { code: "ecid", unique: true, exclude: false }),
        (0, event(&[3], json!({"page": "c"}))),
        (0, Command::Record { ids: vec![2, 1], age: None, since_ms: None }),
        (0, event(&[1], json!({"page": "a"}))),
        (0, Command::Namespace { code: "email", unique: false, exclude: false }),
        (0, Command::Record { ids: vec![2, 0, 3], age: None, since_ms: None }),
        (0, event(&[0], json!({"page": "b"}))),
    ];
    same([PAGE_A, PAGE_A, PAGE_A], commands);
}

/// Of inputs that are applied together, a profile was settled in the middle after its timer had
/// fired, and its next timer was not seen.
#[test]
fn a_timer_fires_twice_within_a_batch() {
    let by_day = "not (person.age = currentDayOfMonth())";
    let nothing = || json!({});
    let commands = vec![
        (0, event(&[1], nothing())),
        (0, event(&[3, 0], nothing())),
        (86_400_000, event(&[3, 2], nothing())),
        (9218, Command::Tick),
        (782, event(&[1], nothing())),
        (0, event(&[1], nothing())),
    ];
    same([by_day, PAGE_A, PAGE_A], commands);
}
