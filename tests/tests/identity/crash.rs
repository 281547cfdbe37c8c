//! A server that is killed between the intent and the result of what the API was asked for.
//!
//! The moment is held by a database that takes intents and no results: the serial is spent, the
//! idempotency key taken, the grant's use counted, and nothing that would end the intent can be
//! written before the kill.

use ca_tests::ApiClient;
use ca_tests::relying_party::crl_text;
use serde_json::json;

use crate::broken::{Broken, Statement};
use crate::database::{Aside, Kind, on_both_databases};
use crate::eventually;
use crate::world::{World, request, run};

on_both_databases!(gives_key_and_use_back_for_a_serial_that_came_to_nothing);

fn gives_key_and_use_back_for_a_serial_that_came_to_nothing(kind: Kind) {
    let world = World::start(kind);
    run(async {
        let token = world.job("crashes", &json!({ "team": "twice" }));
        let asked = request(NAME);
        // A client of its own each time: the kill ends connections.
        let ask = async || {
            let job = ApiClient::new(&world.ca).bearer(&token);
            let call = job.issue(&asked, "mtls").idempotency_key("one");
            call.send().await
        };
        let aside = Aside::of(&world.ca.database_url()).await;

        let broken = Broken::begin(&aside, kind, Statement::update("certificate")).await;
        let refused = ask().await;
        let spent = Spent::read(&aside).await;
        world.ca.kill();
        broken.mend().await;
        world.ca.start();
        settle(&world).await;
        let returned = Spent::read(&aside).await;
        let answer = ask().await;
        let again = ask().await;
        let after = Spent::read(&aside).await;

        assert_eq!(refused.refusal(), "503 busy", "{}", refused.text());
        assert_eq!(spent, Spent::of(&["intended"], 1, 1));
        assert_eq!(returned, Spent::of(&["burned"], 0, 0));
        assert_eq!(answer.status, 201, "{}", answer.text());
        let serial = answer.member("serial");
        assert_eq!(again.expect_status(200).member("serial"), serial);
        assert_eq!(after, Spent::of(&["burned", "valid"], 1, 1));
        the_burned_serial_is_listed(&world, &aside).await;
        aside.close().await;
        let verified = world.ca.command(&["audit", "verify"]);
        assert!(verified.status.success(), "{verified:?}");
    });
}

/// Ends the intent of the server that was killed: the next one does so at once where it owns its
/// database alone, else when the intent's time is up.
async fn settle(world: &World) {
    eventually(async || {
        if world.kind == Kind::Postgres {
            let settled = world.ca.command(&["settle"]);
            assert!(settled.status.success(), "{settled:?}");
        }
        world.states(NAME).await != ["intended"]
    })
    .await;
}

async fn the_burned_serial_is_listed(world: &World, aside: &Aside) {
    let sql = "SELECT serial FROM certificate WHERE state = 'burned'";
    let serial: Vec<Vec<u8>> = aside.column(sql).await;
    let serial: String = serial[0]
        .iter()
        .map(|octet| format!("{octet:02X}"))
        .collect();
    eventually(async || crl_text(&world.ca, "tls").await.contains(&serial)).await;
}

/// What a request has spent.
#[derive(Debug, PartialEq, Eq)]
struct Spent {
    states: Vec<String>,
    keys: usize,
    uses: i64,
}

impl Spent {
    fn of(states: &[&str], keys: usize, uses: i64) -> Self {
        Self {
            states: states.iter().map(|state| (*state).to_owned()).collect(),
            keys,
            uses,
        }
    }

    async fn read(aside: &Aside) -> Self {
        let states = format!(
            "SELECT state FROM certificate WHERE identifiers LIKE '%{NAME}%' ORDER BY state"
        );
        let keys: Vec<String> = aside.column("SELECT key FROM idempotency_key").await;
        let uses = "SELECT used FROM grant_use WHERE grant_name = 'twice'";
        let uses: Vec<i64> = aside.column(uses).await;
        Self {
            states: aside.column(&states).await,
            keys: keys.len(),
            uses: uses.first().copied().unwrap_or(0),
        }
    }
}

const NAME: &str = "a.twice.example.internal";
