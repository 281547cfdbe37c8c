//! What a CI system says of a job, under the names that Fulcio gave it
//! (sigstore/fulcio, docs/oid-info.md).

use ca_issuance::entitlement::ClaimExtension;
use ca_pki::certificate::CiClaimKind;
use serde_json::{Map, Value};
use url::Url;

use super::ProviderKind;

/// Tells verified claims as extensions. What a token does not say is left out, never made up.
pub fn ci_claims(claims: &Map<String, Value>, kind: ProviderKind) -> Vec<ClaimExtension> {
    let said = Said(claims);
    let of_kind = match kind {
        ProviderKind::GitHub => github(&said),
        ProviderKind::GitLab => gitlab(&said),
        ProviderKind::Kubernetes | ProviderKind::Other => Vec::new(),
    };
    let of_all = [
        (CiClaimKind::Issuer, said.text("iss")),
        (CiClaimKind::TokenSubject, said.text("sub")),
    ];
    let mut extensions: Vec<(CiClaimKind, String)> = of_kind
        .into_iter()
        .chain(of_all)
        .filter_map(|(kind, value)| Some((kind, value?)))
        .filter(|(_, value)| is_printable(value))
        .collect();
    extensions.sort();
    extensions
        .into_iter()
        .map(|(kind, value)| ClaimExtension {
            oid: kind.dotted(),
            value,
        })
        .collect()
}

type Told = Vec<(CiClaimKind, Option<String>)>;

/// GitHub's claims name things within its server; the token says which server only by its issuer.
fn github(said: &Said<'_>) -> Told {
    let server = said.text("iss").and_then(|issuer| github_server(&issuer));
    let at = |path: Option<String>| Some(format!("{}/{}", server.as_deref()?, path?));
    let run = || {
        let (repository, run) = (said.text("repository")?, said.text("run_id")?);
        let attempt = said.text("run_attempt")?;
        Some(format!(
            "{repository}/actions/runs/{run}/attempts/{attempt}"
        ))
    };
    vec![
        (
            CiClaimKind::BuildSignerUri,
            at(said.text("job_workflow_ref")),
        ),
        (
            CiClaimKind::BuildSignerDigest,
            said.text("job_workflow_sha"),
        ),
        (
            CiClaimKind::RunnerEnvironment,
            said.text("runner_environment"),
        ),
        (
            CiClaimKind::SourceRepositoryUri,
            at(said.text("repository")),
        ),
        (CiClaimKind::SourceRepositoryDigest, said.text("sha")),
        (CiClaimKind::SourceRepositoryRef, said.text("ref")),
        (
            CiClaimKind::SourceRepositoryIdentifier,
            said.text("repository_id"),
        ),
        (
            CiClaimKind::SourceRepositoryOwnerUri,
            at(said.text("repository_owner")),
        ),
        (
            CiClaimKind::SourceRepositoryOwnerIdentifier,
            said.text("repository_owner_id"),
        ),
        (CiClaimKind::BuildConfigUri, at(said.text("workflow_ref"))),
        (CiClaimKind::BuildConfigDigest, said.text("workflow_sha")),
        (CiClaimKind::BuildTrigger, said.text("event_name")),
        (CiClaimKind::RunInvocationUri, at(run())),
        (
            CiClaimKind::SourceRepositoryVisibility,
            said.text("repository_visibility"),
        ),
        (CiClaimKind::DeploymentEnvironment, said.text("environment")),
    ]
}

/// GitLab's issuer is the server's URL.
fn gitlab(said: &Said<'_>) -> Told {
    let server = said.text("iss").and_then(|issuer| {
        let url = Url::parse(&issuer).ok()?;
        url.has_host()
            .then(|| issuer.trim_end_matches('/').to_owned())
    });
    let at = |path: Option<String>| Some(format!("{}/{}", server.as_deref()?, path?));
    let job = || {
        let (project, job) = (said.text("project_path")?, said.text("job_id")?);
        Some(format!("{project}/-/jobs/{job}"))
    };
    // The claim has no scheme; the reference may lead to another server.
    let config = || Some(format!("https://{}", said.text("ci_config_ref_uri")?));
    vec![
        (CiClaimKind::BuildSignerUri, config()),
        (CiClaimKind::BuildSignerDigest, said.text("ci_config_sha")),
        (
            CiClaimKind::RunnerEnvironment,
            said.text("runner_environment"),
        ),
        (
            CiClaimKind::SourceRepositoryUri,
            at(said.text("project_path")),
        ),
        (CiClaimKind::SourceRepositoryDigest, said.text("sha")),
        (CiClaimKind::SourceRepositoryRef, gitlab_ref(said)),
        (
            CiClaimKind::SourceRepositoryIdentifier,
            said.text("project_id"),
        ),
        (
            CiClaimKind::SourceRepositoryOwnerUri,
            at(said.text("namespace_path")),
        ),
        (
            CiClaimKind::SourceRepositoryOwnerIdentifier,
            said.text("namespace_id"),
        ),
        (CiClaimKind::BuildConfigUri, config()),
        (CiClaimKind::BuildConfigDigest, said.text("ci_config_sha")),
        (CiClaimKind::BuildTrigger, said.text("pipeline_source")),
        (CiClaimKind::RunInvocationUri, at(job())),
        (
            CiClaimKind::SourceRepositoryVisibility,
            said.text("project_visibility"),
        ),
        (CiClaimKind::DeploymentEnvironment, said.text("environment")),
    ]
}

fn gitlab_ref(said: &Said<'_>) -> Option<String> {
    let name = said.text("ref")?;
    match said.text("ref_type")?.as_str() {
        "branch" => Some(format!("refs/heads/{name}")),
        "tag" => Some(format!("refs/tags/{name}")),
        _ => None,
    }
}

/// Returns the server that an issuer of GitHub's belongs to: github.com, a subdomain of ghe.com,
/// or an Enterprise Server, whose issuer lies below its own `/_services/token`.
fn github_server(issuer: &str) -> Option<String> {
    let url = Url::parse(issuer).ok()?;
    let host = url.host_str()?;
    if host == "token.actions.githubusercontent.com" {
        return Some("https://github.com".to_owned());
    }
    if let Some(tenant) = host.strip_prefix("token.actions.")
        && tenant.ends_with(".ghe.com")
    {
        return Some(format!("https://{tenant}"));
    }
    let is_enterprise_server = url.path().starts_with("/_services/token");
    is_enterprise_server.then(|| url.origin().ascii_serialization())
}

/// Verified claims, as texts.
struct Said<'a>(&'a Map<String, Value>);

impl Said<'_> {
    /// Returns a claim as text; ids come as numbers too.
    fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

fn is_printable(value: &str) -> bool {
    (1..=MAX_VALUE_BYTES).contains(&value.len()) && !value.chars().any(char::is_control)
}

const MAX_VALUE_BYTES: usize = 2_048;
