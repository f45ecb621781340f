//! A simulation as people and programs read it.
//!
//! ```text
//! 3. 2026-01-01T12:00:00.000Z  crm:nora ecid:1
//!    profile   7d4c…
//!    linked    crm:nora -- ecid:1
//!    cut       crm:kevin -- ecid:1
//!
//! profile 7d4c…
//! ├─ crm:nora         last seen 2026-01-01T12:00:00.000Z
//! │  └─ ecid:1        linked    2026-01-01T12:00:00.000Z
//! └─ ecid:1           last seen 2026-01-01T12:00:00.000Z
//! ```

use std::fmt;

use segue_core::GraphView;
use serde_json::{Value, json};

use super::{Simulation, Step};

impl Simulation {
    /// The same as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let graphs = self.graphs.iter().map(GraphView::to_value);
        json!({
            "events": self.steps.iter().map(Step::to_value).collect::<Value>(),
            "profiles": graphs.collect::<Value>(),
        })
    }
}

impl Step {
    fn to_value(&self) -> Value {
        json!({
            "timestamp": self.timestamp.to_string(),
            "identities": texts(&self.identities),
            "profileId": self.profile.map(|profile| profile.to_string()),
            "merged": texts(&self.merged),
            "excluded": texts(&self.excluded),
            "linked": texts(&self.linked),
            "cut": texts(&self.cut),
            "evicted": texts(&self.evicted),
        })
    }
}

impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number}. {step}")?;
        }
        for graph in &self.graphs {
            writeln!(f)?;
            draw(graph, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.timestamp, texts(&self.identities).join(" "))?;
        match self.profile {
            Some(profile) => write!(f, "\n   profile   {profile}")?,
            None => write!(f, "\n   nobody    no identity is left")?,
        }
        let news = [
            ("excluded", texts(&self.excluded)),
            ("merged", texts(&self.merged)),
            ("linked", texts(&self.linked)),
            ("cut", texts(&self.cut)),
            ("evicted", texts(&self.evicted)),
        ];
        for (what, texts) in news {
            for text in texts {
                write!(f, "\n   {what:<9} {text}")?;
            }
        }
        Ok(())
    }
}

/// Draws a profile: its identities, and under each the links to those that come after it, so that
/// each link is there once.
fn draw(graph: &GraphView, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "profile {}", graph.profile)?;
    let names = graph.identities.iter().map(|(identity, _)| identity.to_string());
    let width = names.map(|name| name.chars().count()).max().unwrap_or_default() + 3;
    for (index, (identity, last_seen)) in graph.identities.iter().enumerate() {
        let is_last = index + 1 == graph.identities.len();
        let (branch, below) = if is_last { ("└─", "  ") } else { ("├─", "│ ") };
        let last_seen = last_seen.map_or("never".to_owned(), |at| at.to_string());
        let name = identity.to_string();
        writeln!(f, "{branch} {name:<width$}  last seen {last_seen}")?;
        let links: Vec<_> = graph.links.iter().filter(|(link, _)| link.left == *identity).collect();
        for (index, (link, seen)) in links.iter().enumerate() {
            let branch = if index + 1 == links.len() { "└─" } else { "├─" };
            let (name, width) = (link.right.to_string(), width - 3);
            writeln!(f, "{below} {branch} {name:<width$}  linked    {seen}")?;
        }
    }
    Ok(())
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}
