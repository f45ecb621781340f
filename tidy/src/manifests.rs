//! What crates may use: arrows that point down, a pure core, and reasons for every dependency.
//!
//! Manifests are read line by line: `[section]`, then `name.workspace = true` or `name = …`.

use crate::repository::SourceFile;
use crate::{Finding, is_excused};

/// Crates that other runtimes embed: no async runtime, no serialisable inner types.
const CORE: [&str; 4] = ["segue-xdm", "segue-pql", "segue-core", "segue-log"];
const NOT_IN_CORE: [&str; 3] = ["tokio", "serde", "futures-util"];

/// A line of a section of a manifest: what it is about, and where.
struct Entry<'a> {
    name: &'a str,
    line: usize,
}

/// Crates depend only on those further down the list of ARCHITECTURE.md, which names them all.
pub fn arrows(architecture: &SourceFile, files: &[SourceFile]) -> Vec<Finding> {
    let order: Vec<&str> = architecture.text.lines().filter_map(listed_crate).collect();
    let place = |name: &str| order.iter().position(|listed| *listed == name);
    let mut findings = Vec::new();
    for (manifest, name) in crates(files) {
        let Some(own) = place(name) else {
            let message = format!("ARCHITECTURE.md does not list `{name}`: say what it holds");
            findings.push(Finding::new(&manifest.path, 1, message));
            continue;
        };
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for Entry { name: used, line } in entries(manifest, section) {
                if used.starts_with("segue-") && place(used).is_none_or(|used| used <= own) {
                    let message = format!(
                        "`{name}` uses `{used}`, which is not below it in ARCHITECTURE.md: \
                         move what both need further down"
                    );
                    findings.push(Finding::new(&manifest.path, line, message));
                }
            }
        }
    }
    findings
}

/// The crate that a heading of ARCHITECTURE.md introduces.
fn listed_crate(line: &str) -> Option<&str> {
    line.strip_prefix("### `")?.split_once('`').map(|(name, _)| name)
}

/// Core crates use no async runtime and no serde derive.
pub fn purity(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (manifest, name) in crates(files).filter(|(_, name)| CORE.contains(name)) {
        for Entry { name: used, line } in entries(manifest, "dependencies") {
            if NOT_IN_CORE.contains(&used) {
                let message = format!("`{name}` is core and uses `{used}`: convert at the edge");
                findings.push(Finding::new(&manifest.path, line, message));
            }
        }
    }
    findings
}

/// Every crate takes the workspace's lints.
pub fn lints(files: &[SourceFile]) -> Vec<Finding> {
    let manifests = files.iter().filter(|file| is_member(&file.path));
    let without = manifests.filter(|manifest| {
        let has_lints = entries(manifest, "lints").iter().any(|entry| entry.name == "workspace");
        !has_lints && !manifest.text.lines().any(|line| is_excused(line, "lints"))
    });
    let message = "no `[lints] workspace = true`: add it, or say `tidy: lints because …`";
    without.map(|manifest| Finding::new(&manifest.path, 1, message)).collect()
}

/// Every dependency of the workspace is used by a crate, and has its row in docs/dependencies.md,
/// which has no other rows.
pub fn dependencies(
    root: &SourceFile,
    documentation: &SourceFile,
    files: &[SourceFile],
) -> Vec<Finding> {
    let own = |entry: &Entry<'_>| entry.name.starts_with("segue-");
    let declared = entries(root, "workspace.dependencies");
    let declared: Vec<&Entry<'_>> = declared.iter().filter(|entry| !own(entry)).collect();
    let rows: Vec<Entry<'_>> =
        documentation.text.lines().zip(1..).filter_map(documented_dependency).collect();
    let is_used = |name: &str| {
        let mut manifests = files.iter().filter(|file| is_member(&file.path));
        manifests.any(|manifest| {
            let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
            let mut used = sections.iter().flat_map(|section| entries(manifest, section));
            used.any(|entry| entry.name == name)
        })
    };
    let mut findings = Vec::new();
    for Entry { name, line } in declared.iter().copied() {
        if !rows.iter().any(|row| row.name == *name) {
            let message = format!(
                "`{name}` has no row in {}: say why it, and not another",
                documentation.path
            );
            findings.push(Finding::new(&root.path, *line, message));
        }
        if !is_used(name) {
            let message = format!("no crate uses `{name}`: remove it");
            findings.push(Finding::new(&root.path, *line, message));
        }
    }
    let stale = rows.iter().filter(|row| !declared.iter().any(|entry| entry.name == row.name));
    findings.extend(stale.map(|row| {
        let message = format!("`{}` is no dependency of the workspace: remove the row", row.name);
        Finding::new(&documentation.path, row.line, message)
    }));
    findings
}

/// The dependency that a row of docs/dependencies.md explains.
fn documented_dependency((line, number): (&str, usize)) -> Option<Entry<'_>> {
    let name = line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name)?;
    Some(Entry { name, line: number })
}

/// The manifests of `crates/*` and `bench`, each with its crate's name.
fn crates(files: &[SourceFile]) -> impl Iterator<Item = (&SourceFile, &str)> {
    files.iter().filter_map(|file| {
        if file.path == "bench/Cargo.toml" {
            return Some((file, "segue-bench"));
        }
        let name = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        Some((file, name)).filter(|_| !name.contains('/'))
    })
}

/// Whether a path is the manifest of a member of the workspace.
fn is_member(path: &str) -> bool {
    ["fuzz/Cargo.toml", "tidy/Cargo.toml"].contains(&path)
        || crates(&[SourceFile::new(path, "")]).next().is_some()
}

fn entries<'a>(manifest: &'a SourceFile, section: &str) -> Vec<Entry<'a>> {
    let mut current = "";
    let mut entries = Vec::new();
    for (line, number) in manifest.text.lines().zip(1..) {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            current = header.trim_end_matches(']');
            // [dependencies.NAME] is an entry too.
            if let Some(name) = current.strip_prefix(section).and_then(|n| n.strip_prefix('.')) {
                entries.push(Entry { name, line: number });
            }
        } else if current == section && line.contains('=') && !line.starts_with('#') {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            entries.push(Entry { name, line: number });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, text: &str) -> SourceFile {
        SourceFile::new(&format!("crates/{name}/Cargo.toml"), text)
    }

    fn found(findings: &[Finding]) -> Vec<(&str, usize)> {
        findings.iter().map(|finding| (finding.path.as_str(), finding.line)).collect()
    }

    #[test]
    fn an_arrow_that_points_up_is_found() {
        let list = "### `segue-hub`: the broker\n### `segue-log`: the log\n";
        let architecture = SourceFile::new("ARCHITECTURE.md", list);
        let down = manifest("segue-hub", "[dependencies]\nsegue-log.workspace = true");
        let up = manifest("segue-log", "[dev-dependencies]\nsegue-hub = { path = \"../hub\" }");
        let itself = manifest("segue-log", "[dependencies.segue-log]");
        assert_eq!(arrows(&architecture, &[down]), []);
        assert_eq!(found(&arrows(&architecture, &[up])), [("crates/segue-log/Cargo.toml", 2)]);
        assert_eq!(found(&arrows(&architecture, &[itself])), [("crates/segue-log/Cargo.toml", 1)]);
        let unlisted = manifest("segue-new", "");
        assert_eq!(
            found(&arrows(&architecture, &[unlisted])),
            [("crates/segue-new/Cargo.toml", 1)]
        );
        let bench = SourceFile::new("bench/Cargo.toml", "");
        assert_eq!(found(&arrows(&architecture, &[bench])), [("bench/Cargo.toml", 1)]);
    }

    #[test]
    fn the_core_stays_pure() {
        let text =
            "[dependencies]\nserde_json.workspace = true\n\n[dev-dependencies]\ntokio = \"1\"";
        assert_eq!(purity(&[manifest("segue-core", text)]), []);
        let text = "[dependencies]\nserde = { workspace = true }";
        let impure = manifest("segue-core", text);
        assert_eq!(found(&purity(&[impure])), [("crates/segue-core/Cargo.toml", 2)]);
        assert_eq!(purity(&[manifest("segue-server", text)]), []);
    }

    #[test]
    fn lints_are_the_workspaces_or_excused() {
        let none = manifest("a", "[package]");
        assert_eq!(found(&lints(&[none])), [("crates/a/Cargo.toml", 1)]);
        assert_eq!(lints(&[manifest("a", "[lints]\nworkspace = true")]), []);
        assert_eq!(lints(&[manifest("a", "# tidy: lints because of C\n[lints.rust]")]), []);
        assert_eq!(lints(&[SourceFile::new("bench/rivals/dbsp/Cargo.toml", "[workspace]")]), []);
    }

    #[test]
    fn dependencies_are_declared_explained_and_used() {
        let root = SourceFile::new(
            "Cargo.toml",
            "[workspace.dependencies]\nsegue-a = { path = \"a\" }\n# why\nbytes = \"1\"\nold = \"1\"",
        );
        let documentation = SourceFile::new(
            "docs/dependencies.md",
            "| Crate | Why |\n|---|---|\n| `bytes` | cheap slices |\n| `gone` | was used |",
        );
        let user = manifest("segue-a", "[dependencies]\nbytes.workspace = true");
        let findings = dependencies(&root, &documentation, &[user]);
        let expected = [("Cargo.toml", 5), ("Cargo.toml", 5), ("docs/dependencies.md", 4)];
        assert_eq!(found(&findings), expected);
    }
}
