//! The forms that Adobe's documentation and segment builder use, and those of our own docs.

use super::sound;

#[test]
fn the_forms_of_adobe_are_read() {
    let definitions: Vec<&str> = include_str!("../data/adobe.pql").split("\n\n").collect();
    assert_eq!(definitions.len(), 12);
    for definition in definitions {
        assert_eq!(sound(definition).source(), definition);
    }
}

#[test]
fn the_example_of_the_docs_is_read() {
    let docs = include_str!("../../../../docs/pql.md");
    let example = docs.split("```").nth(1).unwrap();
    assert!(sound(example).reads_events());
}
