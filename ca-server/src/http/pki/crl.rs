//! `/crl/{issuer}.crl`, `/crl/{issuer}.pem`, `/crl/all.pem`

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_issuance::publish::CurrentCrl;
use ca_pki::crl::{Crl, PEM_LABEL};

use super::PkiState;
use super::served::{Content, PEM, Pieces, Served, Times, hex_of_sha256};

/// Serves one issuer's CRL in either form, or every CRL in one file.
pub(super) async fn list(
    State(state): State<PkiState>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let now = state.clock.now();
    let served = match file.rsplit_once('.') {
        Some(("all", "pem")) => every_crl(&state),
        Some((name, "crl")) => named(&state, name, Form::Der),
        Some((name, "pem")) => named(&state, name, Form::Pem),
        Some(_) | None => Err(Absent::Unknown),
    };
    match served {
        Ok(served) => served.answer(&headers, now),
        Err(absent) => absent.into_response(),
    }
}

/// Serves the CRL of an issuer or of a root.
fn named(state: &PkiState, name: &str, form: Form) -> Result<Served, Absent> {
    if state.issuers.contains_key(name) {
        return crl_of(state, name).map(|crl| one_crl(&crl, form));
    }
    let roots = state.roots.load();
    let crl = roots.named(name).and_then(|root| root.crl.as_ref());
    crl.map(|crl| root_crl(crl, form)).ok_or(Absent::Unknown)
}

fn root_crl(crl: &Crl, form: Form) -> Served {
    let (body, content_type) = match form {
        Form::Der => (crl.der().to_vec(), DER),
        Form::Pem => (crl.pem().into_bytes(), PEM),
    };
    Served {
        times: Some(times(crl)),
        ..Served::timeless(body, content_type)
    }
}

fn times(crl: &Crl) -> Times {
    Times {
        this_update: crl.this_update(),
        next_update: crl.next_update().unwrap_or_else(|| crl.this_update()),
    }
}

#[derive(Clone, Copy)]
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
    let (body, content_type) = match form {
        Form::Der => (Pieces::of_der(crl.crl.pieces()), DER),
        Form::Pem => (in_pem(crl), PEM),
    };
    Served {
        body: Content::Pieces(body),
        content_type,
        etag: match form {
            Form::Der => Arc::clone(&crl.etag),
            Form::Pem => format!("{}-pem", crl.etag).into(),
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
    let root_pems: Vec<String> = roots.crls().map(Crl::pem).collect();
    let etag = hex_of_sha256([etags.join(","), root_pems.concat()].concat().as_bytes());
    let issuer_times = issuers.iter().map(|crl| Times {
        this_update: crl.this_update(),
        next_update: crl.next_update(),
    });
    let times = issuer_times
        .chain(roots.crls().map(times))
        .reduce(|one, other| Times {
            this_update: one.this_update.max(other.this_update),
            next_update: one.next_update.min(other.next_update),
        });
    let roots = Pieces::from(root_pems.concat().into_bytes());
    let issuers = issuers.iter().map(|crl| in_pem(crl));
    let body = issuers.chain([roots]).reduce(Pieces::then);
    Ok(Served {
        body: Content::Pieces(body.unwrap_or_else(|| Vec::new().into())),
        content_type: PEM,
        etag: etag.into(),
        times,
    })
}

fn in_pem(crl: &CurrentCrl) -> Pieces {
    Pieces::of_pem(PEM_LABEL, crl.crl.pieces())
}

const DER: &str = "application/pkix-crl";
