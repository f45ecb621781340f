//! The audience language: syntax, diagnostics and the reference interpreter.
