//! What must hold for any bytes as a definition that is to be planned. The fuzzer includes this
//! file, so it needs nothing but the crate.
//!
//! Nothing panics; a leaf asks for events exactly if it is evaluated over them; over no events, the
//! plan has the value of the definition.

use segue_pql::{Clock, Evaluation, Facts, Form, Kept, Leaf, evaluate, parse};
use segue_xdm::Timestamp;
use serde_json::json;

/// Holds the property for these bytes.
pub(crate) fn holds(input: &[u8]) {
    let Some(expression) = std::str::from_utf8(input).ok().and_then(|source| parse(source).ok())
    else {
        return;
    };
    let time_zone = jiff::tz::TimeZone::UTC;
    let facts = Facts {
        attributes: &json!({}),
        events: &[],
        is_member: &|_| false,
        now: Timestamp::from_millis(1_767_225_600_000),
        time_zone: &time_zone,
    };
    let clock = Clock { now: facts.now, time_zone: &time_zone };
    let value = expression.plan().holds(&mut |leaf: &Leaf| {
        let over = leaf.over(&|_| Kept::default(), clock);
        let asks = !matches!(leaf.form, Form::Attribute | Form::Member(_) | Form::Interpreted(_));
        assert_eq!(over.is_some(), asks, "{leaf:?}");
        assert_eq!(leaf.demands().is_empty(), !asks, "{leaf:?}");
        let Evaluation { value, .. } = over.unwrap_or_else(|| leaf.condition.evaluate(&facts));
        value
    });
    assert_eq!(value, evaluate(&expression, &facts).value, "{}", expression.source());
    drop(expression.event_tests());
}
