//! Conditions joined with and, or, not.

/// Conditions of kind `T`, joined.
#[derive(Clone, PartialEq, Debug)]
pub enum Formula<T> {
    /// All of them; true of none.
    All(Vec<Formula<T>>),
    /// At least one of them; false of none.
    Any(Vec<Formula<T>>),
    /// The opposite.
    Not(Box<Formula<T>>),
    /// A condition.
    Is(T),
}

impl<T> Formula<T> {
    /// The value, given that of each condition. Asks from left to right, and no further than it
    /// takes to know.
    pub fn holds(&self, is: &mut impl FnMut(&T) -> bool) -> bool {
        match self {
            Formula::All(parts) => parts.iter().all(|part| part.holds(is)),
            Formula::Any(parts) => parts.iter().any(|part| part.holds(is)),
            Formula::Not(part) => !part.holds(is),
            Formula::Is(condition) => is(condition),
        }
    }

    /// The same formula over other conditions.
    pub fn map<U>(&self, change: &mut impl FnMut(&T) -> U) -> Formula<U> {
        match self {
            Formula::All(parts) => {
                Formula::All(parts.iter().map(|part| part.map(change)).collect())
            }
            Formula::Any(parts) => {
                Formula::Any(parts.iter().map(|part| part.map(change)).collect())
            }
            Formula::Not(part) => Formula::Not(Box::new(part.map(change))),
            Formula::Is(condition) => Formula::Is(change(condition)),
        }
    }

    /// Every condition, from left to right.
    pub fn visit(&self, see: &mut impl FnMut(&T)) {
        match self {
            Formula::All(parts) | Formula::Any(parts) => {
                parts.iter().for_each(|part| part.visit(see));
            }
            Formula::Not(part) => part.visit(see),
            Formula::Is(condition) => see(condition),
        }
    }
}
