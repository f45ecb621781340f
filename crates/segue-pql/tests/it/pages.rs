//! The pages of the language: every function is explained, and every example is true.

use serde_json::{Value, json};

use super::{Profile, sound, time};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pql");

/// Words with a form of their own, beside the methods and functions.
const WORDS: [&str; 24] = [
    "and", "or", "not", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "in", "notIn",
    "let", "occurs", "now", "today", "WHAT", "WHEN", "WITHIN", "COUNT",
];

/// A heading, and what stands below it.
struct Section {
    heading: String,
    body: String,
}

fn sections() -> Vec<Section> {
    let mut sections = Vec::new();
    for page in std::fs::read_dir(DIRECTORY).unwrap() {
        let text = std::fs::read_to_string(page.unwrap().path()).unwrap();
        sections.extend(text.split("\n## ").skip(1).map(|section| {
            let (heading, body) = section.split_once('\n').unwrap();
            Section { heading: heading.to_owned(), body: body.to_owned() }
        }));
    }
    sections
}

/// The examples of a section: blocks that say what holds or fails.
fn examples(section: &Section) -> Vec<Value> {
    let blocks = section.body.split("```yaml\n").skip(1);
    blocks
        .map(|block| serde_saphyr::from_str(block.split("```").next().unwrap()).unwrap())
        .filter(|block: &Value| block.get("kind").is_none())
        .collect()
}

#[test]
fn every_function_has_a_heading_and_an_example() {
    let sections = sections();
    for name in segue_pql::function_names().chain(WORDS) {
        let heading = format!("`{name}`");
        let mut found = sections.iter().filter(|section| section.heading.contains(&heading));
        assert!(found.any(|section| !examples(section).is_empty()), "{name} is explained");
    }
}

#[test]
fn every_example_is_true() {
    let mut count = 0;
    for section in sections() {
        for example in examples(&section) {
            let profile = profile(&example);
            let now = example["now"].as_str().unwrap_or("12:00:00").to_owned();
            for (key, expected) in [("holds", true), ("fails", false)] {
                for definition in example.get(key).and_then(Value::as_array).into_iter().flatten() {
                    let definition = definition.as_str().unwrap();
                    let value = profile.holds(&sound(definition), time(&now));
                    assert_eq!(value, expected, "{}: {definition}", section.heading);
                    count += 1;
                }
            }
        }
    }
    assert!(count > 100, "{count} examples");
}

fn profile(example: &Value) -> Profile {
    let events: Vec<(&str, Value)> = example
        .get("events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|event| (event["timestamp"].as_str().unwrap(), event.clone()))
        .collect();
    let attributes = example.get("attributes").cloned().unwrap_or(json!({}));
    let audiences: &[&str] = if example.get("memberships").is_some() { &["gold"] } else { &[] };
    Profile { attributes, audiences, ..Profile::with_events(&events) }
}
