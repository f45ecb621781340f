//! What arrived at a destination, and whether it is what arrived at another one that has the same
//! audiences: the same for each profile, in the same order.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use segue_core::{ActivationId, ProfileId};

/// The property that names an activation.
pub(super) const ACTIVATION_ID: &str = "segue-activation-id";
const PROFILE_ID: &str = "segue-profile-id";
/// What the messages of two destinations about one happening have in common; their ids differ.
const HAPPENING: [&str; 3] = ["segue-cause", "segue-reason", "segue-changes"];

/// Everything that has arrived so far.
#[derive(Clone, Default)]
pub(crate) struct Arrivals {
    messages: u64,
    activations: HashSet<ActivationId>,
    /// The fingerprints of what happened to each profile, in the order in which it was heard first.
    happenings: HashMap<ProfileId, Vec<u64>>,
}

/// How arrivals differ from those that were expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Activations that did not arrive.
    pub(super) missing: u64,
    /// Those that arrived after one of the same profile that they should have come before.
    pub(super) out_of_order: u64,
}

impl Arrivals {
    /// Adds a message, by its properties.
    pub(super) fn add<'a>(&mut self, property: impl Fn(&str) -> Option<&'a str>) {
        self.messages += 1;
        let id = property(ACTIVATION_ID).and_then(|id| id.parse().ok());
        let profile = property(PROFILE_ID).and_then(|id| id.parse().ok());
        let Some((id, profile)) = Option::zip(id, profile) else { return };
        // What is sent again comes again, behind what it was sent before.
        if self.activations.insert(id) {
            let mut fingerprint = DefaultHasher::new();
            HAPPENING.map(property).hash(&mut fingerprint);
            self.happenings.entry(profile).or_default().push(fingerprint.finish());
        }
    }

    /// Messages.
    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// Different activations among them.
    pub(super) fn activations(&self) -> u64 {
        self.activations.len() as u64
    }

    /// Holds them against what was expected. What came beyond it does not matter.
    pub(super) fn difference(&self, expected: &Arrivals) -> Difference {
        let mut difference = Difference::default();
        for (profile, expected) in &expected.happenings {
            let arrived = self.happenings.get(profile).map_or(&[][..], Vec::as_slice);
            // The same may happen twice, so each has the places of all of its kind.
            let mut places: HashMap<u64, VecDeque<usize>> = HashMap::new();
            for (place, happening) in expected.iter().enumerate() {
                places.entry(*happening).or_default().push_back(place);
            }
            let (mut found, mut furthest) = (0, 0);
            let places = arrived.iter().filter_map(|one| places.get_mut(one)?.pop_front());
            for place in places {
                found += 1;
                difference.out_of_order += u64::from(place < furthest);
                furthest = furthest.max(place);
            }
            difference.missing += (expected.len() - found) as u64;
        }
        difference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as `<activation> <profile> <cause>`.
    fn arrivals(messages: &[&str]) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for message in messages {
            let words: Vec<&str> = message.split(' ').collect();
            let id = |word: &str| format!("{word:0>32}");
            let properties = [
                (ACTIVATION_ID, id(words[0])),
                (PROFILE_ID, id(words[1])),
                ("segue-cause", words[2].to_owned()),
            ];
            arrivals.add(|wanted| {
                let found = properties.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| value.as_str())
            });
        }
        arrivals
    }

    #[track_caller]
    fn check(arrived: &[&str], missing: u64, out_of_order: u64) {
        let expected = arrivals(&["1 a view", "2 b view", "3 a timer", "4 a cart", "5 a timer"]);
        let difference = arrivals(arrived).difference(&expected);
        assert_eq!(difference, Difference { missing, out_of_order });
    }

    #[test]
    fn the_order_counts_within_a_profile_alone() {
        check(&["10 a view", "20 b view", "30 a timer", "40 a cart", "50 a timer"], 0, 0);
        check(&["20 b view", "10 a view", "30 a timer", "40 a cart", "50 a timer"], 0, 0);
        check(&["20 b view", "30 a timer", "10 a view", "40 a cart", "50 a timer"], 0, 1);
    }

    #[test]
    fn what_is_not_there_is_missing_also_when_it_happened_twice() {
        check(&["10 a view", "20 b view", "30 a timer", "40 a cart"], 1, 0);
        check(&["10 a view", "30 a timer"], 3, 0);
        check(&[], 5, 0);
    }

    #[test]
    fn what_comes_again_or_besides_does_not_matter() {
        let repeated = ["10 a view", "20 b view", "30 a timer", "10 a view", "30 a timer"];
        let rest = ["40 a cart", "50 a timer", "60 a cart", "70 c view"];
        let arrived = [&repeated[..], &rest].concat();
        check(&arrived, 0, 0);
        assert_eq!((arrivals(&arrived).messages(), arrivals(&arrived).activations()), (9, 7));
    }
}
