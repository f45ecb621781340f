//! The embedded runtime: a durable shell around the pure core.
