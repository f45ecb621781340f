//! The HTTP edge: ingest, control API and live updates.
