//! Which audience is made of which: order of evaluation, and the cycles that forbid one.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::Definition;

/// Audiences, and which of them each is made of; kept from both ends, so that publishing one more
/// costs what it names, not what there is.
#[derive(Clone, Debug, Default)]
pub(super) struct References {
    /// For each audience, those that its definition names.
    named: BTreeMap<String, BTreeSet<String>>,
    /// For each audience that is named, those that name it.
    users: BTreeMap<String, BTreeSet<String>>,
}

impl References {
    /// Puts an audience in, or changes what it names.
    pub(super) fn set(&mut self, id: &str, named: BTreeSet<String>) {
        self.remove(id);
        for one in &named {
            self.users.entry(one.clone()).or_default().insert(id.to_owned());
        }
        self.named.insert(id.to_owned(), named);
    }

    /// Takes an audience out.
    pub(super) fn remove(&mut self, id: &str) {
        for one in self.named.remove(id).unwrap_or_default() {
            if let Some(users) = self.users.get_mut(&one) {
                users.remove(id);
                if users.is_empty() {
                    self.users.remove(&one);
                }
            }
        }
    }

    /// Whether there is this audience.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.named.contains_key(id)
    }

    /// All audiences, by id.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// The audiences that are made of this one, directly.
    pub(super) fn users(&self, id: &str) -> impl Iterator<Item = &str> {
        self.users.get(id).into_iter().flatten().map(String::as_str)
    }

    /// The audiences in an order in which each comes after those that it names; among equals by
    /// id. What lies on a cycle, or is made of one, is left out: the program refuses a cycle
    /// before it is stored.
    pub(super) fn evaluation_order(&self) -> Vec<String> {
        let mut waits_for: BTreeMap<&str, usize> = BTreeMap::new();
        for (id, named) in &self.named {
            let missing = named.iter().filter(|one| self.contains(one)).count();
            waits_for.insert(id, missing);
        }
        let mut order = Vec::with_capacity(self.named.len());
        let ready = waits_for.iter().filter(|(_, missing)| **missing == 0);
        let mut ready: BTreeSet<&str> = ready.map(|(id, _)| *id).collect();
        while !ready.is_empty() {
            let mut next = BTreeSet::new();
            for id in ready {
                order.push(id.to_owned());
                for user in self.users(id) {
                    let Some(missing) = waits_for.get_mut(user) else { continue };
                    *missing -= 1;
                    if *missing == 0 {
                        next.insert(user);
                    }
                }
            }
            ready = next;
        }
        order
    }

    /// The way from an audience along what its definition names, which is what is `named` here,
    /// and back to itself, if there is one: `a → b → a` as `[a, b, a]`.
    pub(super) fn cycle_through(
        &self,
        start: &str,
        named: &BTreeSet<String>,
    ) -> Option<Vec<String>> {
        let is_used = self.users.contains_key(start);
        if !is_used && !named.contains(start) {
            return None;
        }
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut frontier = vec![start];
        while let Some(id) = frontier.pop() {
            let named = if id == start { Some(named) } else { self.named.get(id) };
            for next in named.into_iter().flatten() {
                if next == start {
                    let back = std::iter::successors(Some(id), |id| came_from.get(id).copied());
                    let mut way: Vec<String> = back.map(str::to_owned).collect();
                    way.reverse();
                    way.push(start.to_owned());
                    return Some(way);
                }
                if !came_from.contains_key(next.as_str()) {
                    came_from.insert(next, id);
                    frontier.push(next);
                }
            }
        }
        None
    }
}

/// The definitions in an order in which each can be published: first what others name. Those of
/// one kind that do not name each other stay in the order given, except that audiences are sorted.
#[must_use]
pub fn publishing_order(mut definitions: Vec<Definition>) -> Vec<Definition> {
    sort_for_publishing(&mut definitions, |definition| definition);
    definitions
}

/// Sorts what comes with definitions into the order of [`publishing_order`].
pub fn sort_for_publishing<T>(items: &mut [T], definition: impl Fn(&T) -> &Definition) {
    let mut references = References::default();
    for item in items.iter() {
        if let Definition::Audience(audience) = definition(item) {
            references.set(&audience.id, audience.expression.audience_references());
        }
    }
    let order = references.evaluation_order();
    let places: BTreeMap<&str, usize> =
        order.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    items.sort_by_cached_key(|item| {
        let definition = definition(item);
        let place = match definition {
            Definition::Audience(audience) => places.get(audience.id.as_str()).copied(),
            _ => None,
        };
        // A cycle has no order: its audiences come last, and are refused one by one.
        (definition.kind(), place.unwrap_or(order.len()))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(pairs: &[(&str, &[&str])]) -> References {
        let mut references = References::default();
        for (id, named) in pairs {
            references.set(id, named.iter().map(|id| (*id).to_owned()).collect());
        }
        references
    }

    #[test]
    fn orders_what_is_named_first() {
        let references = references(&[("a", &["c"]), ("b", &[]), ("c", &["b", "d"]), ("d", &[])]);
        assert_eq!(references.evaluation_order(), ["b", "d", "c", "a"]);
    }

    #[test]
    fn finds_the_cycle_and_shows_the_way() {
        let cyclic = references(&[("a", &["b", "x"]), ("b", &["c"]), ("c", &["a"]), ("x", &[])]);
        let through = |id: &str| cyclic.cycle_through(id, cyclic.named.get(id).unwrap());
        assert_eq!(through("a").unwrap(), ["a", "b", "c", "a"]);
        assert_eq!(through("x"), None);
        assert_eq!(cyclic.evaluation_order(), ["x"]);
        let own = BTreeSet::from(["new".to_owned()]);
        assert_eq!(cyclic.cycle_through("new", &own).unwrap(), ["new", "new"]);
    }

    #[test]
    fn forgets_what_was_named_before() {
        let mut references = references(&[("a", &["b"]), ("b", &[])]);
        references.set("a", BTreeSet::new());
        assert_eq!(references.users("b").count(), 0);
        references.set("b", BTreeSet::from(["a".to_owned()]));
        assert_eq!(references.evaluation_order(), ["a", "b"]);
        references.remove("b");
        assert_eq!(references.users("a").count(), 0);
    }
}
