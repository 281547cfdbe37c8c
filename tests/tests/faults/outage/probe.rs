//! Questions of every kind, asked again and again, and how they were answered.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ca_tests::acme::{Answer, identifiers};
use ca_tests::csr::Request;
use ca_tests::{ApiClient, RawAcme, TestCa, relying_party};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Questions under way.
pub(super) struct Probe {
    asking: JoinSet<()>,
    stop: watch::Sender<bool>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// Everything that was answered.
pub(super) struct Observations(Vec<Seen>);

/// One answer.
#[derive(Clone, Debug)]
struct Seen {
    question: Question,
    status: u16,
    retry_after: Option<String>,
    id: String,
    took: Duration,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Order,
    Issue,
    Crl,
    Ocsp,
    Healthz,
    Readyz,
}

impl Probe {
    /// Begins to ask, when one certificate has been asked about already, and waits until each
    /// question has had its first answer: who begins with an outage has no account.
    pub(super) async fn begin(ca: &Arc<TestCa>) -> Self {
        let ocsp = issued_and_asked_about(ca).await;
        let token = ca.operator_token("admin").text;
        let stop = watch::Sender::new(false);
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let mut asking = JoinSet::new();
        for question in QUESTIONS {
            let asker = Asker {
                ca: Arc::clone(ca),
                question,
                ocsp: ocsp.clone(),
                token: token.clone(),
            };
            // What the client builds up does not go from thread to thread.
            let (runtime, seen, stop) = (Handle::current(), Arc::clone(&seen), stop.subscribe());
            asking.spawn_blocking(move || runtime.block_on(asker.work(seen, stop)));
        }
        crate::eventually(async || {
            let seen = seen.lock().unwrap();
            let is_asked = |question| seen.iter().any(|one| one.question == question);
            QUESTIONS.into_iter().all(is_asked)
        })
        .await;
        Self { asking, stop, seen }
    }

    /// Ends when the last answers are there.
    pub(super) async fn end(self) -> Observations {
        self.stop.send_replace(true);
        self.asking.join_all().await;
        let seen = self.seen.lock().unwrap().clone();
        assert!(seen.len() > QUESTIONS.len(), "nothing was asked");
        Observations(seen)
    }
}

impl Observations {
    /// Asserts that nobody waited longer than a request may take.
    pub(super) fn was_answered_in_time(&self) {
        for seen in &self.0 {
            assert!(seen.took < BOUND, "{seen:?}");
        }
    }

    /// Asserts that there was no other refusal than 503, which says when to ask again.
    pub(super) fn says_when_to_ask_again(&self) {
        for seen in &self.0 {
            match seen.question {
                Question::Order | Question::Issue => {
                    let in_need = seen.status == 503 && seen.retry_after.is_some();
                    assert!(seen.status == 201 || in_need, "{seen:?}");
                }
                Question::Readyz => assert!([200, 503].contains(&seen.status), "{seen:?}"),
                Question::Crl | Question::Ocsp | Question::Healthz => {}
            }
        }
        let refused = self.0.iter().filter(|seen| seen.status == 503).count();
        println!("{} answers, {refused} of them 503", self.0.len());
    }

    /// Asserts that relying parties saw nothing of it.
    pub(super) fn had_revocation_data(&self) {
        for seen in &self.0 {
            match seen.question {
                Question::Crl | Question::Ocsp | Question::Healthz => {
                    assert_eq!(seen.status, 200, "{seen:?}");
                }
                Question::Order | Question::Issue | Question::Readyz => {}
            }
        }
    }

    pub(super) fn was_told_by_readyz(&self) -> bool {
        let told = |seen: &&Seen| seen.question == Question::Readyz && seen.status == 503;
        self.0.iter().any(|seen| told(&seen))
    }

    /// Asserts that each refusal has a line in the log with its id and a cause.
    pub(super) fn was_refused_for_reasons_in_the_log(&self, ca: &TestCa) {
        let refused = self.0.iter().filter(|seen| {
            seen.status == 503 && [Question::Order, Question::Issue].contains(&seen.question)
        });
        for seen in refused.take(LOOKED_UP) {
            ca.wait_for_log_of(&[&seen.id, "answering 503"]);
        }
    }
}

/// Somebody with one question.
struct Asker {
    ca: Arc<TestCa>,
    question: Question,
    ocsp: Vec<u8>,
    token: String,
}

impl Asker {
    async fn work(self, seen: Arc<Mutex<Vec<Seen>>>, stop: watch::Receiver<bool>) {
        let client = RawAcme::registered(&self.ca).await;
        let api = ApiClient::new(&self.ca).bearer(&self.token);
        while !*stop.borrow() {
            let asked = Instant::now();
            let answer = self.ask(&client, &api).await;
            let header = |name| answer.header(name).map(str::to_owned);
            let one = Seen {
                question: self.question,
                status: answer.status,
                retry_after: header("retry-after"),
                id: header("x-request-id").unwrap_or_default(),
                took: asked.elapsed(),
            };
            seen.lock().unwrap().push(one);
            tokio::time::sleep(BETWEEN_QUESTIONS).await;
        }
    }

    async fn ask(&self, client: &RawAcme<'_>, api: &ApiClient) -> Answer {
        match self.question {
            Question::Order => {
                let payload = json!({ "identifiers": identifiers(&[NAME]) });
                client.post(&client.url("newOrder"), &payload).send().await
            }
            Question::Issue => {
                let request = Request::for_names(&[NAME]);
                api.issue(&request, "tls-server").send().await
            }
            Question::Crl => fetch(&self.ca.plain_url("pki", "/crl/tls.crl")).await,
            Question::Ocsp => {
                let url = self.ca.plain_url("pki", "/ocsp/tls");
                let request = reqwest::Client::new().post(url).body(self.ocsp.clone());
                let request = request.header("content-type", "application/ocsp-request");
                Answer::from(request.send().await.unwrap()).await
            }
            Question::Healthz => fetch(&self.ca.plain_url("ops", "/healthz")).await,
            Question::Readyz => fetch(&self.ca.plain_url("ops", "/readyz")).await,
        }
    }
}

/// Asks whether the server is ready.
pub(super) async fn ask_readyz(ca: &TestCa) -> u16 {
    fetch(&ca.plain_url("ops", "/readyz")).await.status
}

async fn fetch(url: &str) -> Answer {
    Answer::from(reqwest::get(url).await.unwrap()).await
}

/// Returns an OCSP request whose answer is in the server's memory.
async fn issued_and_asked_about(ca: &TestCa) -> Vec<u8> {
    let client = RawAcme::registered(ca).await;
    let issued = client.obtain(&[NAME]).await;
    let good = relying_party::ocsp(ca, &issued.chain_pem, &["-no_nonce"]);
    assert!(good.contains(": good"), "{good}");
    let issuer = ca.issuer_file().display().to_string();
    let serial = format!("0x{}", issued.serial());
    relying_party::ocsp_request(&["-issuer", &issuer, "-serial", &serial, "-no_nonce"])
}

const QUESTIONS: [Question; 6] = [
    Question::Order,
    Question::Issue,
    Question::Crl,
    Question::Ocsp,
    Question::Healthz,
    Question::Readyz,
];

const NAME: &str = "probe.example.internal";

/// What a listener allows a request, and a little for a busy machine.
const BOUND: Duration = Duration::from_secs(35);

const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

/// How many refusals are looked up in the log.
const LOOKED_UP: usize = 25;
