//! The countable house rules, checked by `cargo test -p tidy`.
