//! The client, against a peer whose frames are written out here.

mod connecting;
mod peer;
mod receiving;
mod sending;
