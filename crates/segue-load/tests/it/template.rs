//! A template is its event with another id and another time.

use segue_load::stream::{Kind, Settings, Stream};
use segue_load::template::Template;
use segue_xdm::Timestamp;
use serde_json::{Value, json};

#[test]
fn id_and_timestamp_are_all_that_changes() {
    let now = Timestamp::parse("2026-11-25T10:00:00Z").unwrap();
    for arrival in Stream::new(Settings::default()).take(1_000) {
        let template = Template::new(&arrival);
        assert_eq!(template.is_some(), arrival.kind == Kind::Event);
        let Some(template) = template else { continue };
        let mut expected: Value = serde_json::from_str(&arrival.body).unwrap();
        assert_eq!(template.id(), expected["_id"].as_str().unwrap().as_bytes());
        let happened = Timestamp::parse(expected["timestamp"].as_str().unwrap()).unwrap();
        assert_eq!(template.age_ms(), arrival.at.as_millis() - happened.as_millis());
        let mut line = b"before".to_vec();
        template.write(0xfeed, now, &mut line);
        let written: Value = serde_json::from_slice(&line["before".len()..]).unwrap();
        expected["_id"] = json!(format!("{:032x}", 0xfeed));
        expected["timestamp"] = json!("2026-11-25T10:00:00.000Z");
        assert_eq!(written, expected);
    }
}
