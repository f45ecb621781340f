//! Which audience is made of which: order of evaluation, and the cycles that forbid one.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::Definition;

/// For each audience, the audiences that its definition names.
pub(super) type References = BTreeMap<String, BTreeSet<String>>;

/// The audiences in an order in which each comes after those that it names; among equals by id.
/// What lies on a cycle is left out: the program refuses a cycle before it is stored.
pub(super) fn evaluation_order(references: &References) -> Vec<String> {
    let mut order = Vec::new();
    let mut waiting: BTreeSet<&String> = references.keys().collect();
    loop {
        let is_ready = |id: &&String| {
            references.get(*id).is_none_or(|named| named.iter().all(|id| !waiting.contains(id)))
        };
        let ready: Vec<&String> = waiting.iter().copied().filter(is_ready).collect();
        if ready.is_empty() {
            return order;
        }
        for id in ready {
            waiting.remove(id);
            order.push(id.clone());
        }
    }
}

/// The definitions in an order in which each can be published: first what others name. Those of
/// one kind that do not name each other stay in the order given, except that audiences are sorted.
#[must_use]
pub fn publishing_order(definitions: Vec<Definition>) -> Vec<Definition> {
    let audiences = definitions.iter().filter_map(|definition| match definition {
        Definition::Audience(audience) => {
            Some((audience.id.clone(), audience.expression.audience_references()))
        }
        _ => None,
    });
    let order = evaluation_order(&audiences.collect());
    let mut definitions = definitions;
    definitions.sort_by_key(|definition| {
        let place = match definition {
            Definition::Audience(audience) => order.iter().position(|id| *id == audience.id),
            _ => None,
        };
        // A cycle has no order: its audiences come last, and are refused one by one.
        (definition.kind(), place.unwrap_or(order.len()))
    });
    definitions
}

/// The way from an audience along what its definition names and back to itself, if there is one:
/// `a → b → a` as `[a, b, a]`.
pub(super) fn cycle_through(start: &str, references: &References) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![start.to_owned()]];
    while let Some(way) = ways.pop() {
        let named = way.last().and_then(|id| references.get(id)).into_iter().flatten();
        for next in named {
            let mut longer = way.clone();
            longer.push(next.clone());
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(pairs: &[(&str, &[&str])]) -> References {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        pairs.iter().map(|(id, named)| ((*id).to_owned(), owned(named))).collect()
    }

    #[test]
    fn orders_what_is_named_first() {
        let references = references(&[("a", &["c"]), ("b", &[]), ("c", &["b", "d"]), ("d", &[])]);
        assert_eq!(evaluation_order(&references), ["b", "d", "c", "a"]);
    }

    #[test]
    fn finds_the_cycle_and_shows_the_way() {
        let cyclic = references(&[("a", &["b", "x"]), ("b", &["c"]), ("c", &["a"]), ("x", &[])]);
        assert_eq!(cycle_through("a", &cyclic).unwrap(), ["a", "b", "c", "a"]);
        assert_eq!(cycle_through("x", &cyclic), None);
        let own = references(&[("a", &["a"])]);
        assert_eq!(cycle_through("a", &own).unwrap(), ["a", "a"]);
    }
}
