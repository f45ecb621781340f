//! The client, against a peer whose frames are written out here.

mod connecting;
mod credentials;
mod numbered;
mod peer;
mod producing;
mod receiving;
mod sending;
mod token_server;
