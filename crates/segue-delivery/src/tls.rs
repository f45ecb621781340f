//! The cryptography of TLS, one for the whole process.

/// Makes *ring* the provider of all TLS in this process, unless another is that already. To be
/// called before the first HTTP client is made; calling it again does nothing.
pub fn install_tls() {
    // An error says that there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
