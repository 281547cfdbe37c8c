//! Where a certificate is asked for, and what is shown there.

/// A door: one way to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// ACME, with an account bound by a credential that a CI job's token minted.
    Acme,
    /// The API, with a CI job's token.
    CiToken,
    /// The API, with the access token that a CI job's token was exchanged for.
    Exchange,
    /// The API, with a client's access token.
    Client,
    /// The API, with a client certificate, for another certificate.
    Certificate,
    /// Renewal, with the certificate to renew.
    Renewal,
}

/// What proves who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holding {
    /// A token of the CI system `ci`.
    Job,
    /// A token of the CI system `once`: good for one request.
    JobOnce,
    /// A client's secret.
    Client,
    /// A certificate.
    Certificate,
}

impl Door {
    pub(super) const ALL: [Self; 6] = [
        Self::Acme,
        Self::CiToken,
        Self::Exchange,
        Self::Client,
        Self::Certificate,
        Self::Renewal,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::CiToken => "ci-token",
            Self::Exchange => "exchange",
            Self::Client => "client",
            Self::Certificate => "certificate",
            Self::Renewal => "renewal",
        }
    }
}

impl Holding {
    pub(super) const ALL: [Self; 4] = [Self::Job, Self::JobOnce, Self::Client, Self::Certificate];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::JobOnce => "job-once",
            Self::Client => "client",
            Self::Certificate => "certificate",
        }
    }

    /// Writes whom a row's grant is for.
    pub(super) fn who(self, row: &str) -> String {
        match self {
            Self::Job => format!(r#"{{ oidc = "ci", claims = {{ row = "{row}" }} }}"#),
            Self::JobOnce => format!(r#"{{ oidc = "once", claims = {{ row = "{row}" }} }}"#),
            Self::Client => format!(r#"{{ client = "{row}" }}"#),
            Self::Certificate => format!(r#"{{ certificate = "*.{row}.matrix.internal" }}"#),
        }
    }
}
