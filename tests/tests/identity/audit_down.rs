//! While the audit log takes no event, nobody gets in, nothing changes, and nothing is lost.

use ca_tests::ApiClient;
use ca_tests::acme::Answer;
use serde_json::json;

use crate::broken::{Broken, Statement};
use crate::database::{Aside, Kind, on_both_databases};
use crate::renewal::grant;
use crate::world::{World, request, run, web};

on_both_databases!(nothing_happens_that_cannot_be_written_down);

fn nothing_happens_that_cannot_be_written_down(kind: Kind) {
    let world = World::start(kind);
    run(async {
        let scene = Scene::prepare(&world).await;
        let aside = Aside::of(&world.ca.database_url()).await;
        let before = rows(&aside).await;

        let broken = Broken::begin(&aside, kind, Statement::insert("audit_event")).await;
        let mut answers = Vec::new();
        for act in ACTS {
            answers.push((act, scene.act(act).await));
        }
        let between = rows(&aside).await;
        broken.mend().await;

        for (act, answer) in answers {
            assert_eq!(answer.refusal(), "503 busy", "{act:?}: {}", answer.text());
            assert!(answer.header("retry-after").is_some(), "{act:?}");
        }
        assert_eq!(before, between);
        for act in ACTS {
            let answer = scene.act(act).await;
            let expected = act.status();
            assert_eq!(answer.status, expected, "{act:?}: {}", answer.text());
        }
        aside.close().await;
    });
}

/// What somebody may try; last what changes what the others need.
#[derive(Clone, Copy, Debug)]
enum Act {
    LogIn,
    LogInWrongly,
    Refresh,
    Exchange,
    UseFreshToken,
    UseWrongToken,
    UseFreshCertificate,
    AskInVain,
    MintCredential,
    AddClient,
    AddGrant,
    RevokeCertificate,
    RemoveClient,
}

const ACTS: [Act; 13] = [
    Act::LogIn,
    Act::LogInWrongly,
    Act::Refresh,
    Act::Exchange,
    Act::UseFreshToken,
    Act::UseWrongToken,
    Act::UseFreshCertificate,
    Act::AskInVain,
    Act::MintCredential,
    Act::AddClient,
    Act::AddGrant,
    Act::RevokeCertificate,
    Act::RemoveClient,
];

impl Act {
    /// Returns what comes of it in better times.
    fn status(self) -> u16 {
        match self {
            Self::LogIn
            | Self::Refresh
            | Self::Exchange
            | Self::UseFreshToken
            | Self::UseFreshCertificate
            | Self::RevokeCertificate => 200,
            Self::MintCredential | Self::AddClient | Self::AddGrant => 201,
            Self::RemoveClient => 204,
            Self::LogInWrongly | Self::UseWrongToken => 401,
            Self::AskInVain => 403,
        }
    }
}

/// Everybody who acts, with credentials from before.
struct Scene {
    api: ApiClient,
    admin: ApiClient,
    /// Known to the server.
    job: ApiClient,
    secret: String,
    refresh_token: String,
    fresh_token: String,
    fresh_certificate: ApiClient,
    serial: String,
}

impl Scene {
    async fn prepare(world: &World) -> Self {
        let api = ApiClient::new(&world.ca);
        let secret = world.client("deployer").await;
        let tokens = api.log_in("deployer", &secret).await.expect_status(200);
        let job = world.web_job("known");
        job.get(WHOAMI).await.expect_status(200);
        let holder = world.holder("fresh.holders.example.internal").await;
        Self {
            admin: world.admin(),
            job,
            secret,
            refresh_token: tokens.member("refresh_token"),
            fresh_token: world.job("fresh", &web()),
            fresh_certificate: world.showing(&holder, None),
            serial: holder.serial(),
            api,
        }
    }

    async fn act(&self, act: Act) -> Answer {
        let (api, admin) = (&self.api, &self.admin);
        let with = |token: &str| api.clone().bearer(token);
        match act {
            Act::LogIn => api.log_in("deployer", &self.secret).await,
            Act::LogInWrongly => api.log_in("deployer", "wrong").await,
            Act::Refresh => {
                let token = &self.refresh_token;
                api.refresh("deployer", &self.secret, token).await
            }
            Act::Exchange => api.exchange(&self.fresh_token).await,
            Act::UseFreshToken => with(&self.fresh_token).get(WHOAMI).await,
            Act::UseWrongToken => with("cao_wrong").get(WHOAMI).await,
            Act::UseFreshCertificate => self.fresh_certificate.get(WHOAMI).await,
            Act::AskInVain => {
                let asked = request("in-vain.example.internal");
                self.job.issue(&asked, "mtls").send().await
            }
            Act::MintCredential => {
                let body = json!({ "directory": "granted" });
                self.job.post("/api/v1/eab-credentials", &body).send().await
            }
            Act::AddClient => {
                let body = json!({ "id": "another" });
                admin.post("/api/v1/clients", &body).send().await
            }
            Act::AddGrant => {
                let body = grant("another", &json!({ "client": "another" }));
                admin.post("/api/v1/grants", &body).send().await
            }
            Act::RevokeCertificate => {
                let path = format!("/api/v1/certificates/{}/revoke", self.serial);
                admin.post(&path, &json!({})).send().await
            }
            Act::RemoveClient => admin.delete("/api/v1/clients/deployer").await,
        }
    }
}

async fn rows(aside: &Aside) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for sql in ROWS {
        rows.push(aside.column(sql).await);
    }
    rows
}

const ROWS: [&str; 7] = [
    "SELECT id AS told FROM session WHERE revoked_at IS NULL ORDER BY told",
    "SELECT id AS told FROM client ORDER BY told",
    "SELECT name AS told FROM api_grant ORDER BY told",
    "SELECT kid AS told FROM external_account_key ORDER BY told",
    "SELECT state || identifiers AS told FROM certificate ORDER BY told",
    "SELECT grant_name AS told FROM grant_use ORDER BY told",
    "SELECT kind || subject AS told FROM audit_event WHERE kind <> 'crl.published' ORDER BY told",
];

const WHOAMI: &str = "/api/v1/whoami";
