//! A cell of the matrix: somebody who asks for a certificate.

mod verdict;

use std::net::{IpAddr, Ipv4Addr};

use ca_tests::acme::{AccountKey, Answer, KeyKind, Order, identifiers};
use ca_tests::api::Peer;
use ca_tests::csr::Request;
use ca_tests::{ApiClient, RawAcme};
use serde_json::json;

use super::door::{Door, Holding};
use super::row::{Row, has_foothold};
use crate::world::{World, job_claims, request};

/// One reason to refuse at one door.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) row: Row,
    pub(super) door: Door,
    name: &'static str,
}

/// Somebody who may ask as often as they like.
pub(super) struct Ready<'w> {
    asking: Asking<'w>,
    /// The name that events have for whoever asks.
    actor: String,
    request: Request,
}

enum Asking<'w> {
    Acme {
        client: RawAcme<'w>,
        /// Placed before, for a row that is about its finalize.
        order: Option<Order>,
        name: String,
    },
    Api {
        client: ApiClient,
        path: &'static str,
    },
}

impl Cell {
    pub(super) fn new(row: Row, door: Door) -> Self {
        let name = door.label();
        Self { row, door, name }
    }

    /// Lets somebody else ask, for another name.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Returns the name that the certificate is asked for.
    pub(super) fn asked_name(self) -> String {
        format!("{}.{}.matrix.internal", self.name, self.row.label())
    }

    /// Brings whoever asks to where they can, and takes back what the row takes back.
    pub(super) async fn prepare(self, world: &World) -> Ready<'_> {
        match self.door {
            Door::Acme => self.by_acme(world).await,
            Door::CiToken | Door::Exchange => self.by_job(world).await,
            Door::Client => self.by_client(world).await,
            Door::Certificate | Door::Renewal => self.by_certificate(world).await,
        }
    }

    async fn by_acme(self, world: &World) -> Ready<'_> {
        let (actor, token) = self.job(world);
        let job = self.api(world).bearer(&token);
        let minted = job.post(
            "/api/v1/eab-credentials",
            &json!({ "directory": "granted" }),
        );
        let minted = minted.send().await.expect_status(201);
        let key = AccountKey::generate(KeyKind::Es256);
        let mut client = RawAcme::of(&world.ca, "granted", key, &self.peer()).await;
        client.register_with(&minted).await.expect_status(201);
        if self.row == Row::RevokedCredential {
            let kid = minted.member("kid");
            let path = format!("/api/v1/eab-credentials/{kid}");
            job.delete(&path).await.expect_status(204);
        }
        let name = self.asked_name();
        let order = match self.row {
            Row::AuditDown => Some(Order::of(&place(&client, &name).await.expect_status(201))),
            Row::Granted
            | Row::NoGrant
            | Row::ExpiredGrant
            | Row::UsedUpGrant
            | Row::WrongNames
            | Row::WrongProfile
            | Row::WrongNetwork
            | Row::RevokedCredential => None,
        };
        Ready {
            request: request(&name),
            actor,
            asking: Asking::Acme {
                client,
                order,
                name,
            },
        }
    }

    async fn by_job(self, world: &World) -> Ready<'_> {
        let (actor, token) = self.job(world);
        let client = match self.door {
            Door::Exchange => {
                let tokens = self.api(world).exchange(&token).await.expect_status(200);
                let token = tokens.member("access_token");
                self.api(world).bearer(&token)
            }
            Door::Acme | Door::CiToken | Door::Client | Door::Certificate | Door::Renewal => {
                self.api(world).bearer(&token)
            }
        };
        // For a token that is good once, this was it.
        client.get("/api/v1/whoami").await.expect_status(200);
        if (self.row, self.door) == (Row::RevokedCredential, Door::Exchange) {
            client.revoke_bearer(&[]).await;
        }
        self.at_api(client, "/api/v1/certificates", actor)
    }

    async fn by_client(self, world: &World) -> Ready<'_> {
        let id = self.row.label();
        // The row's grant is for one client; whoever asked first as this one is not needed any more.
        world.admin().delete(&format!("/api/v1/clients/{id}")).await;
        let secret = world.client(id).await;
        let tokens = self.api(world).log_in(id, &secret).await;
        let token = tokens.expect_status(200).member("access_token");
        let client = self.api(world).bearer(&token);
        client.get("/api/v1/whoami").await.expect_status(200);
        if self.row == Row::RevokedCredential {
            let credentials = [("client_id", id), ("client_secret", secret.as_str())];
            client.revoke_bearer(&credentials).await;
        }
        self.at_api(client, "/api/v1/certificates", format!("client:{id}"))
    }

    async fn by_certificate(self, world: &World) -> Ready<'_> {
        let (name, path) = match self.door {
            Door::Renewal => (self.asked_name(), "/api/v1/certificates/renew"),
            Door::Acme | Door::CiToken | Door::Exchange | Door::Client | Door::Certificate => {
                let name = format!("holder.{}.matrix.internal", self.row.label());
                (name, "/api/v1/certificates")
            }
        };
        let holder = world.holder(&name).await;
        let client = world.showing(&holder, self.peer().address);
        client.get("/api/v1/whoami").await.expect_status(200);
        let serial = holder.serial();
        if self.row == Row::RevokedCredential {
            let path = format!("/api/v1/certificates/{serial}/revoke");
            let revoked = client.post(&path, &json!({})).send().await;
            revoked.expect_status(200);
        }
        self.at_api(client, path, format!("certificate:tls:{serial}"))
    }

    fn at_api<'w>(self, client: ApiClient, path: &'static str, actor: String) -> Ready<'w> {
        Ready {
            request: request(&self.asked_name()),
            actor,
            asking: Asking::Api { client, path },
        }
    }

    /// Returns a job's name in events, and its token.
    fn job(self, world: &World) -> (String, String) {
        let (provider, issuer) = match self.holding() {
            Holding::JobOnce => ("once", &world.once),
            Holding::Job | Holding::Client | Holding::Certificate => ("ci", &world.ci),
        };
        let subject = format!("{}.{}", self.name, self.row.label());
        let mut claims = json!({ "row": self.row.label() });
        if has_foothold(self.door) {
            claims["foothold"] = json!("true");
        }
        let token = issuer.token(&job_claims(issuer, &subject, &claims));
        (format!("oidc:{provider}:{subject}"), token)
    }

    /// A token of a CI system cannot be taken back, but it can be good for one request only.
    fn holding(self) -> Holding {
        match (self.door, self.row) {
            (Door::CiToken, Row::RevokedCredential) => Holding::JobOnce,
            (Door::Acme | Door::CiToken | Door::Exchange, _) => Holding::Job,
            (Door::Client, _) => Holding::Client,
            (Door::Certificate | Door::Renewal, _) => Holding::Certificate,
        }
    }

    fn api(self, world: &World) -> ApiClient {
        ApiClient::of(&world.ca, &self.peer())
    }

    /// Returns an address by which the cell's failed logins are told from others.
    fn peer(self) -> Peer {
        let address = Ipv4Addr::new(127, 1 + self.row as u8, 1 + self.door as u8, 1);
        Peer {
            address: Some(IpAddr::V4(address)),
            holder: None,
        }
    }
}

impl Ready<'_> {
    /// Asks for the certificate: at the ACME door as far as it gets.
    pub(super) async fn ask(&self) -> Answer {
        let (client, order, name) = match &self.asking {
            Asking::Api { client, path } => return self.ask_api(client, path).await,
            Asking::Acme {
                client,
                order,
                name,
            } => (client, order, name),
        };
        let order = match order {
            Some(order) => order.clone(),
            None => {
                let placed = place(client, name).await;
                if placed.status != 201 {
                    return placed;
                }
                Order::of(&placed)
            }
        };
        assert_eq!(order.status(), "ready", "no challenge is asked for");
        client.finalize(&order, &self.request.der).await
    }

    async fn ask_api(&self, client: &ApiClient, path: &str) -> Answer {
        let mut body = json!({ "csr": self.request.pem() });
        if !path.ends_with("/renew") {
            body["profile"] = json!("mtls");
        }
        client.post(path, &body).send().await
    }
}

async fn place(client: &RawAcme<'_>, name: &str) -> Answer {
    let payload = json!({ "identifiers": identifiers(&[name]) });
    client.post(&client.url("newOrder"), &payload).send().await
}
