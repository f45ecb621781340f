//! Shared access signatures: who may do what, proven with a key that never travels.
//!
//! ```text
//!  SharedAccessSignature sr=<enc(audience)>&sig=<enc(base64(mac))>&se=<unix seconds>&skn=<policy>
//!  mac = HMAC-SHA256(key as UTF-8 text, sr as written in the token + "\n" + se)
//! ```
//!
//! Clients differ in how they percent-encode (`%2F` or `%2f`) and order the parts, so a signature
//! is checked over `sr` exactly as received. The key is text: it looks like base64, and is not
//! decoded. [`ConnectionString`] is where clients find policy, key and address.

mod connection_string;
mod token;

pub use connection_string::{ConnectionString, ConnectionStringError};
pub use token::{SasError, SasToken, sign};
