//! Audiences can be published, and concern what they say.

use std::collections::BTreeSet;

use segue_bench::subject::Subject;
use segue_load::audience::{Touched, audiences};
use segue_load::stream::{START, Settings, Stream};

#[test]
fn every_kind_is_published() {
    let mut subject = Subject::default();
    let audiences = audiences(80, Touched::First(40), 1);
    for audience in &audiences {
        subject.publish(audience, START).unwrap();
    }
}

/// Publishes 80 audiences, and gives those that the stream brought members.
fn entered(touched: Touched) -> BTreeSet<String> {
    let mut subject = Subject::default();
    for audience in audiences(80, touched, 1) {
        // Those of a kind that is not read yet have no members.
        let _ = subject.publish(&audience, START);
    }
    let mut entered = BTreeSet::new();
    for arrival in Stream::new(Settings::default()).take(2_000) {
        let input = Subject::read(arrival.kind, arrival.body.as_bytes(), arrival.at).unwrap();
        let outcome = subject.process(arrival.at, input);
        entered.extend(outcome.changes.into_iter().map(|change| change.audience));
    }
    entered
}

#[test]
fn only_the_audiences_that_may_be_touched_are() {
    let (all, first) = (entered(Touched::All), entered(Touched::First(16)));
    assert!(all.len() > 40, "{all:?}");
    assert!(all.iter().any(|id| id.as_str() >= "audience-00016"), "{all:?}");
    assert!(first.iter().all(|id| id.as_str() < "audience-00016"), "{first:?}");
    // The same number gives the same audience, however many others there are.
    assert!(first.is_subset(&all), "{first:?}");
}
