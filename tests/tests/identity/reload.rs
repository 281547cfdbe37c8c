//! SIGHUP: what the file says of grants, providers and operators takes the place of what was in
//! force, as a whole or not at all.

use ca_tests::ApiClient;
use ca_tests::csr::Request;
use serde_json::{Value, json};
use toml::{Table, Value as Toml};

use crate::database::Kind;
use crate::eventually;
use crate::world::{World, job_claims, request, run};

#[test]
fn grants_are_replaced_at_once() {
    let world = World::start(Kind::Sqlite);
    run(async {
        let job = world.web_job("reloads");
        let status = async |name: &str| asks(&job, name).await;
        let before = [
            status("a.web.example.internal").await,
            status("a.moved.example.internal").await,
        ];

        world.ca.edit(|config| {
            let web = grant(config, "web");
            web.insert(
                "identifiers".to_owned(),
                list("dns:*.moved.example.internal"),
            );
        });
        let unread = status("b.web.example.internal").await;
        let event = reload(&world, "configuration.loaded").await;
        let after = [
            status("c.web.example.internal").await,
            status("c.moved.example.internal").await,
        ];

        assert_eq!((before, unread, after), ([201, 403], 201, [403, 201]));
        let text = event["details"]["configuration"].as_str().unwrap();
        assert!(text.contains("*.moved.example.internal"), "{text}");
    });
}

#[test]
fn a_provider_that_is_taken_out_opens_nothing_more() {
    let world = World::start(Kind::Sqlite);
    run(async {
        let fresh = || {
            let claims = job_claims(&world.once, "job", &json!({}));
            ApiClient::new(&world.ca).bearer(&world.once.token(&claims))
        };
        let before = fresh().get("/api/v1/whoami").await;

        world.ca.edit(|config| {
            retain(config, "oidc", |section| {
                section["name"].as_str() != Some("once")
            });
            retain(config, "grant", |section| {
                section["who"].get("oidc") != Some(&Toml::from("once"))
            });
        });
        reload(&world, "configuration.loaded").await;
        let after = fresh().get("/api/v1/whoami").await;

        before.expect_status(200);
        assert_eq!(after.refusal(), "401 unauthorized");
        assert!(after.member("detail").contains("issuer is not configured"));
    });
}

#[test]
fn roles_are_given_and_taken() {
    let world = World::start(Kind::Sqlite);
    run(async {
        let token = world.job("reader", &json!({ "team": "readers" }));
        let reader = ApiClient::new(&world.ca).bearer(&token);
        let reads = async || reader.get("/api/v1/audit").await.status;
        let rule = |team: &str| {
            let text = format!(
                r#"name = "readers"
                role = "auditor"
                who = {{ oidc = "ci", claims = {{ team = "{team}" }} }}"#
            );
            Toml::Table(text.parse::<Table>().unwrap())
        };

        let before = reads().await;
        world
            .ca
            .edit(|config| sections(config, "operator").push(rule("readers")));
        reload(&world, "configuration.loaded").await;
        let given = reads().await;
        world.ca.edit(|config| {
            retain(config, "operator", |section| {
                section["name"].as_str() != Some("readers")
            });
        });
        reload(&world, "configuration.loaded").await;
        let taken = reads().await;

        assert_eq!([before, given, taken], [403, 200, 403]);
    });
}

#[test]
fn a_file_with_one_fault_changes_nothing() {
    let world = World::start(Kind::Sqlite);
    run(async {
        let job = world.web_job("stays");
        let good = world.ca.config();
        type Spoil = fn(&mut Table);
        let faults: [(Spoil, &str); 4] = [
            (
                |config| {
                    grant(config, "twice").insert("profiles".to_owned(), list("nowhere"));
                },
                "nowhere",
            ),
            (
                |config| {
                    grant(config, "twice").insert("identifers".to_owned(), list("dns:**"));
                },
                "identifers",
            ),
            (
                |config| {
                    sections(config, "oidc")[0]
                        .as_table_mut()
                        .unwrap()
                        .insert("jwks_ca".to_owned(), Toml::from("missing.pem"));
                },
                "missing.pem",
            ),
            (
                |config| {
                    config.insert("server".to_owned(), Toml::from("gone"));
                },
                "server",
            ),
        ];

        for (number, (spoil, what)) in faults.into_iter().enumerate() {
            world.ca.edit(|config| {
                good.clone_into(config);
                // Good by itself, and not taken without the rest.
                let web = grant(config, "web");
                web.insert(
                    "identifiers".to_owned(),
                    list("dns:*.moved.example.internal"),
                );
                spoil(config);
            });
            let event = reload(&world, "configuration.refused").await;
            let names = [
                format!("f{number}.web.example.internal"),
                format!("f{number}.moved.example.internal"),
            ];

            assert!(event["details"].to_string().contains(what), "{event}");
            assert_eq!(asks(&job, &names[0]).await, 201, "{what}");
            assert_eq!(asks(&job, &names[1]).await, 403, "{what}");
        }
        assert_eq!(world.ca.stop(), 0, "it went on after all of them");
    });
}

/// Sends SIGHUP, waits until the server says that it is done, and returns the event of it.
async fn reload(world: &World, kind: &str) -> Value {
    // Said last, whatever came of it; the event is written before anything is replaced.
    let told = || world.ca.log().matches("reloaded").count();
    let before = told();
    world.ca.signal("HUP");
    eventually(async || told() > before).await;
    let path = format!("/api/v1/audit?kind={kind}");
    let page = world.admin().get(&path).await.expect_status(200);
    page.json()["items"][0].clone()
}

async fn asks(job: &ApiClient, name: &str) -> u16 {
    let asked: Request = request(name);
    job.issue(&asked, "mtls").send().await.status
}

fn grant<'a>(config: &'a mut Table, name: &str) -> &'a mut Table {
    let mut grants = sections(config, "grant").iter_mut();
    let found = grants.find(|grant| grant["name"].as_str() == Some(name));
    found.unwrap().as_table_mut().unwrap()
}

fn sections<'a>(config: &'a mut Table, name: &str) -> &'a mut Vec<Toml> {
    config[name].as_array_mut().unwrap()
}

fn retain(config: &mut Table, name: &str, keep: impl Fn(&Table) -> bool) {
    sections(config, name).retain(|section| keep(section.as_table().unwrap()));
}

fn list(text: &str) -> Toml {
    Toml::Array(vec![Toml::from(text)])
}
