//! Destinations: where activations go, and how they get there.
