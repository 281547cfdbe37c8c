//! Whole walks: order, prove, finalize, download.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{Answer, RawAcme, base64url};
use crate::csr::Request;
use crate::network::AlpnCertificate;

/// An order as last seen.
#[derive(Clone, Debug)]
pub struct Order {
    /// Where it is.
    pub url: String,
    /// The order object.
    pub object: Value,
}

/// A certificate in its client's hands.
#[derive(Debug)]
pub struct Issued {
    /// The order that it came from.
    pub order: Order,
    /// The chain as downloaded.
    pub chain_pem: String,
    /// The request, with the certificate's key.
    pub request: Request,
}

impl Order {
    /// Reads an order out of an answer that shows one.
    pub fn of(answer: &Answer) -> Self {
        let url = answer.header("location");
        Self {
            url: url.expect("an order says where it is").to_owned(),
            object: answer.json(),
        }
    }

    /// Returns its status.
    pub fn status(&self) -> &str {
        self.object["status"].as_str().unwrap_or_default()
    }

    /// Returns the finalize URL.
    pub fn finalize(&self) -> &str {
        self.object["finalize"].as_str().expect("a URL")
    }

    /// Returns the URLs of its authorizations.
    pub fn authorizations(&self) -> Vec<String> {
        let urls = self.object["authorizations"].as_array();
        let urls = urls.expect("authorizations").iter();
        urls.map(|url| url.as_str().expect("a URL").to_owned())
            .collect()
    }
}

impl Issued {
    /// Returns the leaf in DER, as revokeCert wants it.
    pub fn leaf_der(&self) -> Vec<u8> {
        let output =
            crate::openssl::run_with(&["x509", "-outform", "DER"], self.chain_pem.as_bytes());
        output.stdout
    }

    /// Returns the leaf's serial in upper-case hexadecimal, as openssl writes it.
    pub fn serial(&self) -> String {
        crate::openssl::certificate_field(&self.chain_pem, "serial")
    }
}

impl RawAcme<'_> {
    /// Sends newOrder for names and addresses.
    pub async fn new_order(&self, names: &[&str]) -> Answer {
        let payload = json!({ "identifiers": identifiers(names) });
        self.post(&self.url("newOrder"), &payload).send().await
    }

    /// Places an order that must succeed.
    pub async fn order(&self, names: &[&str]) -> Order {
        Order::of(&self.new_order(names).await.expect_status(201))
    }

    /// Reads an order again.
    pub async fn refresh(&self, order: &Order) -> Order {
        Order::of(&self.read(&order.url).send().await.expect_status(200))
    }

    /// Proves every name of an order: dns-01 for wildcards, http-01 for the rest.
    pub async fn prove(&self, order: &Order) -> Order {
        for url in order.authorizations() {
            let authorization = self.read(&url).send().await.expect_status(200).json();
            if authorization["status"] == "pending" {
                let kind = if authorization["wildcard"] == true {
                    "dns-01"
                } else {
                    "http-01"
                };
                self.prove_authorization(&url, kind).await;
            }
        }
        self.refresh(order).await
    }

    /// Answers one challenge of an authorization and waits until the authorization is valid.
    pub async fn prove_authorization(&self, url: &str, kind: &str) {
        let ended = self.answer_challenge(url, kind).await;
        assert_eq!(ended["status"], "valid", "{ended}");
    }

    /// Publishes the right answer of a challenge, sends it, and returns the authorization when it
    /// is pending no more.
    pub async fn answer_challenge(&self, url: &str, kind: &str) -> Value {
        let authorization = self.read(url).send().await.expect_status(200).json();
        let challenge = challenge_of(&authorization, kind);
        self.publish(&authorization, &challenge);
        let challenge = challenge["url"].as_str().expect("a URL");
        self.post(challenge, &json!({}))
            .send()
            .await
            .expect_status(200);
        self.wait_while(url, "pending").await
    }

    /// Publishes what proves control by this challenge.
    pub fn publish(&self, authorization: &Value, challenge: &Value) {
        let token = challenge["token"].as_str().expect("a token");
        let name = authorization["identifier"]["value"]
            .as_str()
            .expect("a name");
        let key_authorization = self.key_authorization(token);
        let network = &self.ca.network;
        match challenge["type"].as_str() {
            Some("http-01") => network.http.answer_challenge(token, &key_authorization),
            Some("dns-01") => {
                let hash = digest(&SHA256, key_authorization.as_bytes());
                let owner = format!("_acme-challenge.{name}");
                network.dns.add_text(&owner, &base64url(hash.as_ref()));
            }
            Some("tls-alpn-01") => network.tls_alpn.show(&match name.parse::<IpAddr>() {
                Ok(address) => AlpnCertificate::for_address(address, &key_authorization),
                Err(_) => AlpnCertificate::for_name(name, &key_authorization),
            }),
            _ => panic!("{challenge} cannot be answered"),
        }
    }

    /// Returns a token's key authorization (RFC 8555 §8.1).
    pub fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.key.thumbprint())
    }

    /// Reads a resource until its status is another one.
    pub async fn wait_while(&self, url: &str, status: &str) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let object = self.read(url).send().await.expect_status(200).json();
            if object["status"] != status {
                return object;
            }
            assert!(Instant::now() < deadline, "{url} stays {status}: {object}");
            tokio::time::sleep(BETWEEN_QUESTIONS).await;
        }
    }

    /// Sends a CSR to an order's finalize.
    pub async fn finalize(&self, order: &Order, csr_der: &[u8]) -> Answer {
        let payload = json!({ "csr": base64url(csr_der) });
        self.post(order.finalize(), &payload).send().await
    }

    /// Walks from the order to the certificate.
    pub async fn obtain(&self, names: &[&str]) -> Issued {
        let order = self.order(names).await;
        self.complete(&order, names).await
    }

    /// Proves and finalizes an order and downloads its certificate.
    pub async fn complete(&self, order: &Order, names: &[&str]) -> Issued {
        let order = self.prove(order).await;
        assert_eq!(order.status(), "ready", "{}", order.object);
        let request = Request::for_names(names);
        let answer = self.finalize(&order, &request.der).await.expect_status(200);
        let mut order = Order::of(&answer);
        if order.status() == "processing" {
            order.object = self.wait_while(&order.url, "processing").await;
        }
        assert_eq!(order.status(), "valid", "{}", order.object);
        let chain_pem = self.download(&order).await;
        Issued {
            order,
            chain_pem,
            request,
        }
    }

    /// Downloads the certificate of a valid order.
    pub async fn download(&self, order: &Order) -> String {
        let url = order.object["certificate"].as_str().expect("a URL");
        self.read(url).send().await.expect_status(200).text()
    }

    /// Sends revokeCert, signed by the account.
    pub async fn revoke(&self, certificate_der: &[u8], reason: Option<u8>) -> Answer {
        let payload = revocation(certificate_der, reason);
        self.post(&self.url("revokeCert"), &payload).send().await
    }
}

/// Returns identifiers as ACME writes them.
pub fn identifiers(names: &[&str]) -> Value {
    let object = |name: &&str| {
        let kind = if name.parse::<IpAddr>().is_ok() {
            "ip"
        } else {
            "dns"
        };
        json!({ "type": kind, "value": name })
    };
    names.iter().map(object).collect()
}

/// Returns revokeCert's payload.
pub fn revocation(certificate_der: &[u8], reason: Option<u8>) -> Value {
    let mut payload = json!({ "certificate": base64url(certificate_der) });
    if let Some(reason) = reason {
        payload["reason"] = json!(reason);
    }
    payload
}

/// Returns an authorization's challenge of a kind.
pub fn challenge_of(authorization: &Value, kind: &str) -> Value {
    let challenges = authorization["challenges"].as_array();
    let mut challenges = challenges.expect("challenges").iter();
    let found = challenges.find(|challenge| challenge["type"] == kind);
    found
        .unwrap_or_else(|| panic!("no {kind} in {authorization}"))
        .clone()
}

const DEADLINE: Duration = Duration::from_secs(30);
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(20);
