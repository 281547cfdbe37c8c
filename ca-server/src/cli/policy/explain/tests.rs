use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::cli::policy::bench;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    explain: ExplainArguments,
}

/// Explains by the bench's configuration; `line` is what stands behind `policy explain`.
async fn explained(present: &Present, line: &str) -> Explanation {
    let words = std::iter::once("explain").chain(line.split(' '));
    let arguments = Arguments::try_parse_from(words).unwrap().explain;
    let question = Question::read(
        present,
        arguments.profile,
        (arguments.identifier, arguments.csr),
        (arguments.lifetime.map(|span| span.0), arguments.from),
    );
    let asking = arguments
        .who
        .asking(arguments.claims, &present.config, None, present.now);
    Explanation::of(present, asking.await.unwrap(), question.unwrap())
}

async fn as_json(line: &str) -> Value {
    show::json(&explained(&bench::present(), line).await)
}

const JOB: &str = "--oidc gitlab --claim project_id=42 --claim project_path=group/web";

#[tokio::test]
async fn says_which_grant_allows_it_and_for_how_long() {
    let line = format!(
        "{JOB} --profile tls-server --identifier dns:a.ci.example.internal --lifetime 12h --from 10.1.2.3"
    );

    let explanation = explained(&bench::present(), &line).await;
    let text = show::text(&explanation);

    assert!(explanation.is_allowed());
    assert!(text.contains("allowed by grant jobs\n"), "{text}");
    assert!(
        text.contains("lifetime: 1h, cut from what was asked\n"),
        "{text}"
    );
    assert!(
        text.contains("grant by-role does not cover it\n  who: "),
        "{text}"
    );
}

#[tokio::test]
async fn a_grant_bounds_the_default_lifetime_too() {
    let shown = as_json(&format!(
        "{JOB} --profile tls-server --identifier dns:a.ci.example.internal"
    ))
    .await;

    assert_eq!(shown["allowed"], json!(true));
    assert_eq!(shown["lifetime_secs"], json!(3_600));
}

#[tokio::test]
async fn lists_every_rule_of_every_grant_that_fails() {
    let shown = as_json(&format!(
        "{JOB} --profile tls-server --identifier dns:a.prod.example.internal --from 192.168.0.1"
    ))
    .await;

    assert_eq!(shown["allowed"], json!(false));
    assert_eq!(shown["nearest_grant"], json!("jobs"));
    let failed = &shown["grants"][0]["failed"];
    assert_eq!(failed[0]["rule"], json!("identifier"));
    assert_eq!(
        failed[0]["identifier"],
        json!("dns:a.prod.example.internal")
    );
    assert_eq!(failed[1]["rule"], json!("network"));
}

#[tokio::test]
async fn a_covered_name_that_the_issuer_excludes_is_refused() {
    let present = bench::changed("dns:*.ci.example.internal", "dns:*.example.com");

    let line = format!("{JOB} --profile tls-server --identifier dns:a.example.com");
    let explanation = explained(&present, &line).await;
    let text = show::text(&explanation);

    assert!(!explanation.is_allowed());
    assert!(text.contains("name constraints"), "{text}");
    assert!(
        text.contains("refused, though grant jobs covers it"),
        "{text}"
    );
}

#[tokio::test]
async fn shows_the_subject_that_a_grant_gives() {
    let shown = as_json(&format!("{JOB} --profile client")).await;

    assert_eq!(shown["allowed"], json!(true), "{shown:#}");
    assert_eq!(shown["subject"]["common_name"], json!("ci:group/web"));
}

#[tokio::test]
async fn roles_come_from_rules_too() {
    let asked = "--profile tls-server --identifier dns:console.example.internal";

    let client = as_json(&format!("--client console {asked}")).await;
    let role = as_json(&format!("--role operator {asked}")).await;
    let auditor = as_json(&format!("--role auditor {asked}")).await;

    assert_eq!(client["granted_by"], json!("by-role"));
    assert_eq!(client["role"], json!("operator"));
    assert_eq!(role["allowed"], json!(true));
    assert_eq!(auditor["allowed"], json!(false));
}

#[tokio::test]
async fn refuses_a_key_that_was_reported_compromised() {
    let present = bench::present();
    let line = format!("{JOB} --profile tls-server --identifier dns:a.ci.example.internal");
    let mut explanation = explained(&present, &line).await;
    let before = explanation.is_allowed();

    explanation.question.key = KeyStanding::Compromised;

    assert!(before);
    assert!(!explanation.is_allowed());
}

#[test]
fn asks_for_the_names_that_the_api_would_read_in_the_csr() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("job.csr");
    let mut params =
        rcgen::CertificateParams::new(vec!["b.ci.example.internal".to_owned()]).unwrap();
    let name = "a.ci.example.internal";
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = params.serialize_request(&key).unwrap();
    std::fs::write(&file, csr.pem().unwrap()).unwrap();
    let read = |profile: &str| {
        let names = (Vec::new(), Some(file.clone()));
        Question::read(&bench::present(), profile.to_owned(), names, (None, None)).unwrap()
    };

    let both = read("tls-server").identifiers;
    let subject_by_grant = read("client").identifiers;

    assert_eq!(both.len(), 2);
    assert!(both.contains(&identifier("dns:a.ci.example.internal").unwrap()));
    assert_eq!(subject_by_grant.len(), 1);
}

#[tokio::test]
async fn says_that_networks_are_not_looked_at() {
    let shown = as_json(&format!(
        "{JOB} --profile tls-server --identifier dns:a.ci.example.internal"
    ))
    .await;

    assert!(shown["notes"].to_string().contains("--from"), "{shown:#}");
}

#[test]
fn one_must_ask_and_only_one() {
    let parse = |line: &str| {
        let words = std::iter::once("explain").chain(line.split(' '));
        Arguments::try_parse_from(words).is_ok()
    };

    assert!(parse("--client a --profile p"));
    assert!(parse(
        "--certificate a.example --certificate b.example --profile p"
    ));
    assert!(!parse("--profile p"));
    assert!(!parse("--client a --role admin --profile p"));
    assert!(!parse("--client a --claim b=c --profile p"));
}
