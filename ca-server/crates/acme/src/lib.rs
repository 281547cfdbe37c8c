//! RFC 8555 without HTTP.
