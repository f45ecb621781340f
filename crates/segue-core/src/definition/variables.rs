//! `${NAME}`: environment variables in the texts of definitions.
//!
//! Most are filled in before a definition comes here, by whoever reads the file. Those that hold
//! secrets stay, because definitions are kept in the input log for ever: what a definition holds
//! is a [`Secret`], the variable's name, and its value is looked up where it is used.

use std::fmt;

/// The keys of a connection whose `${NAME}`s stay as they are, with everything under them.
pub const SECRET_KEYS: [&str; 9] = [
    "bearer",
    "client_secret",
    "connection_string",
    "headers",
    "password",
    "sas_key",
    "secret",
    "secret_access_key",
    "session_token",
];

/// Looks up the value of an environment variable.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A variable that a text names has no value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("${{{0}}} is not set: export the environment variable {0}")]
pub struct UnsetVariable(pub String);

/// A text with every `${NAME}` in it replaced.
///
/// # Errors
/// The first variable that has no value.
pub fn fill_in(text: &str, lookup: Lookup<'_>) -> Result<String, UnsetVariable> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        let value = lookup(name).ok_or_else(|| UnsetVariable(name.to_owned()))?;
        filled.push_str(before);
        filled.push_str(&value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A secret, by the name of the environment variable that holds it. Written `${NAME}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Secret {
    variable: String,
}

impl Secret {
    /// The secret that `${NAME}` names; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Secret> {
        let variable = text.trim().strip_prefix("${")?.strip_suffix('}')?;
        let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_name = variable.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && variable.chars().all(is_inner);
        is_name.then(|| Secret { variable: variable.to_owned() })
    }

    /// The secret itself.
    ///
    /// # Errors
    /// When the variable is not set.
    pub fn reveal(&self, lookup: Lookup<'_>) -> Result<String, UnsetVariable> {
        lookup(&self.variable).ok_or_else(|| UnsetVariable(self.variable.clone()))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{}}}", self.variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_and_a_missing_one_is_named() {
        let lookup = |name: &str| (name == "KEY").then(|| "v".to_owned());
        assert_eq!(fill_in("x ${KEY} y ${KEY} ${", &lookup).unwrap(), "x v y v ${");
        let error = fill_in("${KEY} ${NOT_THERE}", &lookup).unwrap_err().to_string();
        assert_eq!(error, "${NOT_THERE} is not set: export the environment variable NOT_THERE");
    }

    #[test]
    fn a_secret_is_nothing_but_the_name_of_a_variable() {
        assert_eq!(Secret::parse("${A_1}").unwrap().to_string(), "${A_1}");
        for text in ["", "A", "${}", "${1A}", "${A} ", "${A-B}", "x${A}", "${A}${B}"] {
            let is_secret = Secret::parse(text).is_some();
            assert_eq!(is_secret, text == "${A} ", "{text}");
        }
    }
}
