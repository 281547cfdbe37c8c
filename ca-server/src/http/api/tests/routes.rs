use std::collections::BTreeSet;

use serde_json::json;

use super::world::{SERIAL_OF_NOTHING, World};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// Everyone.
    All,
    /// Those who log in with a body of their own.
    ThoseWhoLogIn,
    /// Those who show a credential.
    Callers,
    /// Administrators.
    Admins,
    /// Administrators and auditors.
    Auditors,
    /// Everyone with a role.
    Staff,
}

/// Every route and whom it is for: a new one needs its row here.
const TABLE: [(&str, &str, For); 29] = [
    ("GET", "/api/v1/certificates", For::Callers),
    ("POST", "/api/v1/certificates", For::Callers),
    ("POST", "/api/v1/certificates/renew", For::Callers),
    ("GET", "/api/v1/certificates/{serial}", For::Callers),
    ("POST", "/api/v1/certificates/{serial}/revoke", For::Callers),
    ("GET", "/api/v1/profiles", For::Callers),
    ("GET", "/api/v1/issuers", For::Callers),
    ("GET", "/api/v1/trust-bundle", For::All),
    ("GET", "/api/v1/whoami", For::Callers),
    ("GET", "/api/v1/accounts", For::Staff),
    ("GET", "/api/v1/orders", For::Staff),
    ("GET", "/api/v1/eab-credentials", For::Callers),
    ("POST", "/api/v1/eab-credentials", For::Callers),
    ("GET", "/api/v1/eab-credentials/{kid}", For::Callers),
    ("DELETE", "/api/v1/eab-credentials/{kid}", For::Callers),
    ("GET", "/api/v1/clients", For::Auditors),
    ("POST", "/api/v1/clients", For::Admins),
    ("GET", "/api/v1/clients/{id}", For::Auditors),
    ("DELETE", "/api/v1/clients/{id}", For::Admins),
    ("GET", "/api/v1/grants", For::Auditors),
    ("POST", "/api/v1/grants", For::Admins),
    ("GET", "/api/v1/grants/{name}", For::Auditors),
    ("DELETE", "/api/v1/grants/{name}", For::Admins),
    ("GET", "/api/v1/audit", For::Auditors),
    ("GET", "/api/v1/openapi.json", For::All),
    ("GET", "/api/v1/docs", For::All),
    ("POST", "/oauth2/token", For::ThoseWhoLogIn),
    ("POST", "/oauth2/revoke", For::ThoseWhoLogIn),
    ("POST", "/api/authenticate/app", For::ThoseWhoLogIn),
];

fn path_of(template: &str) -> String {
    template
        .replace("{serial}", SERIAL_OF_NOTHING)
        .replace("{kid}", "00")
        .replace("{id}", "nobody")
        .replace("{name}", "nothing")
}

#[tokio::test]
async fn the_table_holds_every_route() {
    let world = World::new().await;

    let rows = TABLE.map(|(method, path, _)| (method.to_owned(), path.to_owned()));

    assert_eq!(world.routes(), BTreeSet::from(rows));
}

#[tokio::test]
async fn a_route_that_is_not_described_cannot_be_added() {
    let screen = include_str!("../../api.rs");

    assert!(!screen.contains(".route("), "use .routes(routes!(…))");
}

#[tokio::test]
async fn every_described_route_is_there_and_no_other_method() {
    let world = World::new().await;
    let routes = world.routes();

    for (_, template, _) in TABLE {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let is_described = routes.contains(&(method.to_owned(), template.to_owned()));

            let answer = world.call(method, &path_of(template)).send().await;

            assert_eq!(
                is_described,
                answer.status != 405,
                "{method} {template}: {answer:?}"
            );
            if !is_described {
                assert_eq!(answer.refusal(), "405 method-not-allowed");
                assert!(!answer.header("allow").is_empty());
            }
        }
    }
}

#[tokio::test]
async fn nobody_without_a_credential_comes_past_the_public_routes() {
    let world = World::new().await;

    for (method, template, open) in TABLE {
        let answer = world.call(method, &path_of(template)).send().await;

        match open {
            For::All => assert_eq!(answer.status, 200, "{template}"),
            For::ThoseWhoLogIn => assert_eq!(answer.status, 415, "{template}"),
            For::Callers | For::Admins | For::Auditors | For::Staff => {
                assert_eq!(answer.refusal(), "401 unauthorized", "{method} {template}");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
    }
}

#[tokio::test]
async fn a_credential_that_does_not_count_is_no_better_than_none() {
    let world = World::new().await;

    for (method, template, open) in TABLE {
        let call = world.call(method, &path_of(template)).bearer("cao_forged");
        let answer = call.send().await;

        match open {
            For::All => assert_eq!(answer.status, 200, "{template}"),
            For::ThoseWhoLogIn => assert!(answer.status.is_client_error(), "{template}"),
            For::Callers | For::Admins | For::Auditors | For::Staff => {
                assert_eq!(answer.refusal(), "401 unauthorized", "{method} {template}");
                let challenge = answer.header("www-authenticate");
                assert!(challenge.contains("invalid_token"), "{challenge}");
            }
        }
    }
}

#[tokio::test]
async fn roles_reach_as_far_as_the_table_says() {
    use ca_identity::Role::{Admin, Auditor, Operator};
    let world = World::new().await;
    let token = world.deployer().await;

    for (method, template, open) in TABLE {
        let reached = match open {
            For::All | For::ThoseWhoLogIn => continue,
            For::Callers => [true; 4],
            For::Admins => [true, false, false, false],
            For::Auditors => [true, false, true, false],
            For::Staff => [true, true, true, false],
        };
        let call = || world.call(method, &path_of(template)).json(&json!([]));
        let answers = [
            call().by(Admin).send().await,
            call().by(Operator).send().await,
            call().by(Auditor).send().await,
            call().bearer(&token).send().await,
        ];
        // What reaches the operation is judged there: it has not a body that any would take.
        let passed = answers.map(|answer| answer.json()["title"] != FORBIDDEN);

        assert_eq!(passed, reached, "{method} {template}");
    }
}

#[tokio::test]
async fn says_what_is_not_there() {
    let world = World::new().await;
    let paths = [
        "/",
        "/robots.txt",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v2/certificates",
        "/api/v1/certificates/",
        "/api/v1/certificates/xyz/revoke/again",
        "/api/v1/clients/%64eployer",
        "/api/v1/clients/%00",
        "/api/v1/clients/%ff",
        "/oauth2/authorize",
    ];

    for path in paths {
        let answer = world.get(path).send().await;

        assert_eq!(answer.refusal(), "404 not-found", "{path}");
    }
}

#[tokio::test]
async fn answers_head_as_get_without_its_body() {
    let world = World::new().await;

    let get = world.get("/api/v1/trust-bundle").send().await;
    let head = world.call("HEAD", "/api/v1/trust-bundle").send().await;

    assert_eq!(head.status, 200);
    assert_eq!(head.body, b"");
    assert_eq!(head.header("content-type"), get.header("content-type"));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
}

#[tokio::test]
async fn says_of_every_answer_that_it_is_not_to_be_kept() {
    let world = World::new().await;
    let token = world.deployer().await;

    for path in ["/api/v1/whoami", "/api/v1/trust-bundle", "/nothing"] {
        let answer = world.get(path).bearer(&token).send().await;

        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

const FORBIDDEN: &str = "The caller's role does not allow this";
