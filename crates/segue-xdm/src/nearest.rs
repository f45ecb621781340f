//! "Did you mean …?", decided once for keys of inputs, definitions and words of the language.

/// How alike two names must be, by Jaro-Winkler (0 to 1), for one to be offered for the other.
/// At 0.8 `realised` finds `realized` and `start_with` finds `startsWith`, `colour` finds nothing
/// in a list of sizes.
const SIMILARITY_MIN: f64 = 0.8;

/// The candidate most like `name`, letter case and punctuation aside; `None` when none is like it.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = bare(name);
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name, &bare(candidate)), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

fn bare(name: &str) -> String {
    name.to_lowercase().replace(|character: char| !character.is_alphanumeric(), "")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_a_likely_typo_and_nothing_for_a_stranger() {
        let known = ["name", "definition", "startsWith"];
        assert_eq!(nearest("defintion", known), Some("definition"));
        assert_eq!(nearest("Start_With", known), Some("startsWith"));
        assert_eq!(nearest("id", ["_id", "i"]), Some("_id"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", []), None);
    }
}
