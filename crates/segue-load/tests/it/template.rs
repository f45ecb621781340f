//! A template is its event with another id and another time, of another crowd.

use segue_load::clock::Clock;
use segue_load::stream::{Kind, Settings, Stream};
use segue_load::template::Template;
use segue_xdm::Timestamp;
use serde_json::{Value, json};

#[test]
fn id_timestamp_and_crowd_are_all_that_changes() {
    let now = Timestamp::parse("2026-11-25T10:00:00Z").unwrap();
    for arrival in Stream::new(Settings::default()).take(1_000) {
        let template = Template::new(&arrival);
        assert_eq!(template.is_some(), arrival.kind == Kind::Event);
        let Some(template) = template else { continue };
        let mut expected: Value = serde_json::from_str(&arrival.body).unwrap();
        assert_eq!(template.id(), expected["_id"].as_str().unwrap().as_bytes());
        let happened = Timestamp::parse(expected["timestamp"].as_str().unwrap()).unwrap();
        assert_eq!(template.age_ms(), arrival.at.as_millis() - happened.as_millis());
        let mut copy = template.body().to_vec();
        template.mark(&mut copy, 0xfeed, 0xabc, &Clock::default().text(now));
        let written: Value = serde_json::from_slice(&copy).unwrap();
        expected["_id"] = json!(format!("{:032x}", 0xfeed));
        expected["timestamp"] = json!("2026-11-25T10:00:00.000Z");
        let identities = expected["identityMap"].as_object_mut().unwrap().values_mut();
        for identity in identities.flat_map(|identities| identities.as_array_mut().unwrap()) {
            identity["id"] = json!(format!("0abc{}", identity["id"].as_str().unwrap()));
        }
        assert_eq!(written, expected);
        let person = &written["identityMap"].as_object().unwrap().values().next().unwrap()[0]["id"];
        let of_first_crowd = person.as_str().unwrap().replacen("0abc", "0000", 1);
        assert_eq!(template.person(), of_first_crowd.as_bytes());
    }
}
