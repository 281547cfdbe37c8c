//! `/crl/{issuer}.crl`, `/crl/{issuer}.pem`, `/crl/all.pem`

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_issuance::publish::CurrentCrl;

use super::PkiState;
use super::served::{PEM, Served, Times, hex_of_sha256};

/// Serves one issuer's CRL in either form, or every CRL in one file.
pub(super) async fn list(
    State(state): State<PkiState>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let now = state.clock.now();
    let served = match file.rsplit_once('.') {
        Some(("all", "pem")) => every_crl(&state),
        Some((issuer, "crl")) => crl_of(&state, issuer).map(|crl| one_crl(&crl, Form::Der)),
        Some((issuer, "pem")) => crl_of(&state, issuer).map(|crl| one_crl(&crl, Form::Pem)),
        Some(_) | None => Err(Absent::Unknown),
    };
    match served {
        Ok(served) => served.answer(&headers, now),
        Err(absent) => absent.into_response(),
    }
}

enum Form {
    Der,
    Pem,
}

enum Absent {
    /// There is no such issuer.
    Unknown,
    /// Its first CRL is being made.
    NotYet,
}

impl IntoResponse for Absent {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND.into_response(),
            Self::NotYet => (
                StatusCode::SERVICE_UNAVAILABLE,
                [(header::RETRY_AFTER, "1")],
            )
                .into_response(),
        }
    }
}

fn crl_of(state: &PkiState, issuer: &str) -> Result<Arc<CurrentCrl>, Absent> {
    let issuer = state.issuers.get(issuer).ok_or(Absent::Unknown)?;
    issuer.publisher.current().ok_or(Absent::NotYet)
}

fn one_crl(crl: &CurrentCrl, form: Form) -> Served {
    let (piece, content_type) = match form {
        Form::Der => (
            Bytes::from_owner(Arc::clone(&crl.published.der)),
            "application/pkix-crl",
        ),
        Form::Pem => (pem_piece(crl), PEM),
    };
    Served {
        pieces: vec![piece],
        content_type,
        etag: match form {
            Form::Der => crl.etag.to_string(),
            Form::Pem => format!("{}-pem", crl.etag),
        },
        times: Some(Times {
            this_update: crl.this_update(),
            next_update: crl.next_update(),
        }),
    }
}

/// One file with the CRL of every CA: nginx, HAProxy and Envoy refuse a chain if one is missing,
/// so nothing is served until all are there.
fn every_crl(state: &PkiState) -> Result<Served, Absent> {
    let issuers: Vec<_> = state
        .issuers
        .keys()
        .map(|name| crl_of(state, name))
        .collect::<Result<_, _>>()?;
    let roots = state.roots.load();
    let etags: Vec<&str> = issuers.iter().map(|crl| &*crl.etag).collect();
    let root_pems: Vec<String> = roots.crls.iter().map(ca_pki::crl::Crl::pem).collect();
    let etag = hex_of_sha256([etags.join(","), root_pems.concat()].concat().as_bytes());
    let times = issuers
        .iter()
        .map(|crl| (crl.this_update(), crl.next_update()))
        .chain(roots.crls.iter().map(|crl| {
            (
                crl.this_update(),
                crl.next_update().unwrap_or_else(|| crl.this_update()),
            )
        }))
        .reduce(|one, other| (one.0.max(other.0), one.1.min(other.1)))
        .map(|(this_update, next_update)| Times {
            this_update,
            next_update,
        });
    let root_pieces = root_pems.into_iter().map(Bytes::from);
    let pieces = issuers
        .iter()
        .map(|crl| pem_piece(crl))
        .chain(root_pieces)
        .collect();
    Ok(Served {
        pieces,
        content_type: PEM,
        etag,
        times,
    })
}

fn pem_piece(crl: &CurrentCrl) -> Bytes {
    struct Text(Arc<str>);
    impl AsRef<[u8]> for Text {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    Bytes::from_owner(Text(Arc::clone(&crl.pem)))
}
