//! Cases that once made a difference.
