//! Experience data: events, records, identities, paths, timestamps and their validation.
