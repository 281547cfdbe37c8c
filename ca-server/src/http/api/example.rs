//! Values that examples in the OpenAPI document share.

/// A serial in hex.
pub(super) fn serial() -> &'static str {
    "0193a1c2f4d05be1a90cc1f28cbb0f6d7e52aa41"
}

/// A SHA-256 fingerprint.
pub(super) fn fingerprint() -> &'static str {
    "5d8f4b1b0e9b0f8f4f6f1c1f3cf7f0b5a0d0a4d0c2f57b0ce27e0d2a1b5d9c33"
}

/// A moment.
pub(super) fn moment() -> &'static str {
    "2026-11-21T23:52:00Z"
}

/// A certificate in PEM.
pub(super) fn certificate() -> &'static str {
    "-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n"
}

/// A CSR in PEM.
pub(super) fn csr() -> &'static str {
    "-----BEGIN CERTIFICATE REQUEST-----\nMIHk…\n-----END CERTIFICATE REQUEST-----\n"
}
