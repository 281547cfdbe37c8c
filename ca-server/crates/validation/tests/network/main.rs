//! Validation against real sockets on loopback: a DNS server, HTTP servers and TLS servers that
//! behave as badly as each test wants.

mod bounds;
mod caa;
mod dns_01;
mod dns_server;
mod egress;
mod http_01;
mod http_server;
mod https_server;
mod key_set;
mod redirects;
mod syslog;
mod tls_alpn_01;
mod tls_server;
mod world;
