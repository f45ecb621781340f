//! The client, against a peer whose frames are written out here.

mod connecting;
mod credentials;
mod peer;
mod receiving;
mod sending;
mod token_server;
