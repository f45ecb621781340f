//! How texts relate to a pattern.
//!
//! Without case, each character is taken in upper case, whatever stands beside it: in lower case a
//! Greek sigma depends on where in the word it stands, and a word would not contain its own
//! beginning.

use std::borrow::Cow;

use regex::Regex;

use crate::expression::TextRelation;
use crate::pattern;

/// A text and how others must relate to it.
#[derive(Clone, Debug)]
pub(crate) struct TextPattern {
    relation: TextRelation,
    /// Without letter case when that is ignored, unless it is a regular expression.
    text: String,
    case_sensitive: bool,
    /// Only for [`TextRelation::Matches`]; `None` when the text is no regular expression.
    regex: Option<Regex>,
}

impl TextPattern {
    pub(crate) fn new(relation: TextRelation, text: &str, case_sensitive: bool) -> TextPattern {
        let is_regex = relation == TextRelation::Matches;
        let regex = is_regex.then(|| pattern::whole(text).ok()).flatten();
        let text = cased(text, case_sensitive || is_regex).into_owned();
        TextPattern { relation, text, case_sensitive, regex }
    }

    /// Whether a text relates to this one as it must.
    pub(crate) fn accepts(&self, value: &str) -> bool {
        if self.relation == TextRelation::Matches {
            return self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        }
        let (value, text) = (&*cased(value, self.case_sensitive), self.text.as_str());
        match self.relation {
            TextRelation::Equals | TextRelation::Matches => value == text,
            TextRelation::Contains => value.contains(text),
            TextRelation::StartsWith => value.starts_with(text),
            TextRelation::EndsWith => value.ends_with(text),
            TextRelation::Like => is_like(value, text),
        }
    }
}

impl PartialEq for TextPattern {
    /// The same text decides the same, so its compiled form need not be looked at.
    fn eq(&self, other: &TextPattern) -> bool {
        (self.relation, &self.text, self.case_sensitive)
            == (other.relation, &other.text, other.case_sensitive)
    }
}

impl TextPattern {
    /// How others must relate to it, the text itself, and whether letter case counts.
    pub(crate) fn parts(&self) -> (TextRelation, &str, bool) {
        (self.relation, &self.text, self.case_sensitive)
    }

    /// The text that others must be equal to, and whether letter case counts; folded if it does
    /// not. `None` for other relations.
    pub(crate) fn equal_text(&self) -> Option<(&str, bool)> {
        (self.relation == TextRelation::Equals).then_some((self.text.as_str(), self.case_sensitive))
    }
}

fn cased(text: &str, case_sensitive: bool) -> Cow<'_, str> {
    if case_sensitive {
        return Cow::Borrowed(text);
    }
    let mut folded = String::new();
    fold(text, &mut folded);
    Cow::Owned(folded)
}

/// What texts that differ in nothing but letter case have in common, put into `folded`.
pub fn fold(text: &str, folded: &mut String) {
    folded.clear();
    if text.is_ascii() {
        folded.push_str(text);
        folded.make_ascii_uppercase();
    } else {
        folded.extend(text.chars().flat_map(char::to_uppercase));
    }
}

/// Whether a text has the shape of a pattern in which `%` stands for any characters and `_` for
/// one. Only the last `%` is ever reconsidered: an earlier one could gain nothing by taking more.
fn is_like(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    let mut last_percent = None;
    loop {
        let (before, wanted) = (text.clone(), pattern.next());
        if wanted == Some('%') {
            last_percent = Some((before, pattern.clone()));
            continue;
        }
        let found = text.next();
        if found.is_none() && wanted.is_none() {
            return true;
        }
        if found.is_some() && (wanted == found || wanted == Some('_')) {
            continue;
        }
        let Some((start, after)) = &mut last_percent else { return false };
        if start.next().is_none() {
            return false;
        }
        (text, pattern) = (start.clone(), after.clone());
    }
}
