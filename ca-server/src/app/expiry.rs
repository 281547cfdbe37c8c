//! When that which this server stands on ends, as metrics: alerts watch them.

use ca_issuance::Corridor;
use ca_pki::Timestamp;

use crate::http::pki::Roots;
use crate::tls::ServerCertificate;

/// Sets the gauges; called at start and each minute, for root CRLs and the own certificate change.
pub(crate) fn observe(corridor: &Corridor, roots: &Roots, own: &ServerCertificate) {
    for issuer in corridor.issuers() {
        certificate(
            "issuer",
            issuer.name(),
            issuer.certificate().validity().not_after,
        );
    }
    for (position, root) in roots.0.iter().enumerate() {
        let name = root.name(position);
        certificate("root", &name, root.certificate.validity().not_after);
        if let Some(until) = root.crl.as_ref().and_then(|crl| crl.next_update()) {
            metrics::gauge!("ca_crl_next_update_seconds", "issuer" => name)
                .set(until.unix_secs() as f64);
        }
    }
    if let Some(until) = own.not_after() {
        certificate("server", "server", until);
    }
}

fn certificate(kind: &'static str, name: &str, not_after: Timestamp) {
    metrics::gauge!("ca_certificate_not_after_seconds", "kind" => kind, "name" => name.to_owned())
        .set(not_after.unix_secs() as f64);
}
