//! Pure, deterministic heart: identity graph, profiles, memberships, activations.
