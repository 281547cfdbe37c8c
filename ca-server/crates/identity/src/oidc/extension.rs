//! What a CI system says of a job, under the names that Fulcio gave it
//! (sigstore/fulcio, docs/oid-info.md).

use ca_issuance::entitlement::ClaimExtension;
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
        (ISSUER, said.text("iss")),
        (TOKEN_SUBJECT, said.text("sub")),
    ];
    let mut extensions: Vec<(u8, String)> = of_kind
        .into_iter()
        .chain(of_all)
        .filter_map(|(arc, value)| Some((arc, value?)))
        .filter(|(_, value)| is_printable(value))
        .collect();
    extensions.sort();
    extensions
        .into_iter()
        .map(|(arc, value)| ClaimExtension {
            oid: format!("{FULCIO}.{arc}"),
            value,
        })
        .collect()
}

type Told = Vec<(u8, Option<String>)>;

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
        (BUILD_SIGNER_URI, at(said.text("job_workflow_ref"))),
        (BUILD_SIGNER_DIGEST, said.text("job_workflow_sha")),
        (RUNNER_ENVIRONMENT, said.text("runner_environment")),
        (SOURCE_REPOSITORY_URI, at(said.text("repository"))),
        (SOURCE_REPOSITORY_DIGEST, said.text("sha")),
        (SOURCE_REPOSITORY_REF, said.text("ref")),
        (SOURCE_REPOSITORY_ID, said.text("repository_id")),
        (SOURCE_OWNER_URI, at(said.text("repository_owner"))),
        (SOURCE_OWNER_ID, said.text("repository_owner_id")),
        (BUILD_CONFIG_URI, at(said.text("workflow_ref"))),
        (BUILD_CONFIG_DIGEST, said.text("workflow_sha")),
        (BUILD_TRIGGER, said.text("event_name")),
        (RUN_INVOCATION_URI, at(run())),
        (SOURCE_VISIBILITY, said.text("repository_visibility")),
        (DEPLOYMENT_ENVIRONMENT, said.text("environment")),
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
        (BUILD_SIGNER_URI, config()),
        (BUILD_SIGNER_DIGEST, said.text("ci_config_sha")),
        (RUNNER_ENVIRONMENT, said.text("runner_environment")),
        (SOURCE_REPOSITORY_URI, at(said.text("project_path"))),
        (SOURCE_REPOSITORY_DIGEST, said.text("sha")),
        (SOURCE_REPOSITORY_REF, gitlab_ref(said)),
        (SOURCE_REPOSITORY_ID, said.text("project_id")),
        (SOURCE_OWNER_URI, at(said.text("namespace_path"))),
        (SOURCE_OWNER_ID, said.text("namespace_id")),
        (BUILD_CONFIG_URI, config()),
        (BUILD_CONFIG_DIGEST, said.text("ci_config_sha")),
        (BUILD_TRIGGER, said.text("pipeline_source")),
        (RUN_INVOCATION_URI, at(job())),
        (SOURCE_VISIBILITY, said.text("project_visibility")),
        (DEPLOYMENT_ENVIRONMENT, said.text("environment")),
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

const FULCIO: &str = "1.3.6.1.4.1.57264.1";
const ISSUER: u8 = 8;
const BUILD_SIGNER_URI: u8 = 9;
const BUILD_SIGNER_DIGEST: u8 = 10;
const RUNNER_ENVIRONMENT: u8 = 11;
const SOURCE_REPOSITORY_URI: u8 = 12;
const SOURCE_REPOSITORY_DIGEST: u8 = 13;
const SOURCE_REPOSITORY_REF: u8 = 14;
const SOURCE_REPOSITORY_ID: u8 = 15;
const SOURCE_OWNER_URI: u8 = 16;
const SOURCE_OWNER_ID: u8 = 17;
const BUILD_CONFIG_URI: u8 = 18;
const BUILD_CONFIG_DIGEST: u8 = 19;
const BUILD_TRIGGER: u8 = 20;
const RUN_INVOCATION_URI: u8 = 21;
const SOURCE_VISIBILITY: u8 = 22;
const DEPLOYMENT_ENVIRONMENT: u8 = 23;
const TOKEN_SUBJECT: u8 = 24;
const MAX_VALUE_BYTES: usize = 2_048;
