//! An authoritative and recursive DNS server over UDP and TCP, from a list of records.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{CAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// What the server knows and how it fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone {
    records: HashMap<Name, Vec<RData>>,
    codes: HashMap<(Name, RecordType), ResponseCode>,
    silent: HashSet<(Name, RecordType)>,
    chases_no_aliases: bool,
}

/// The running server; it ends when dropped.
pub(crate) struct DnsServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, RecordType)>>>,
    _tasks: JoinSet<()>,
}

impl Zone {
    pub(crate) fn address(mut self, name: &str, address: &str) -> Self {
        let address: IpAddr = address.parse().expect("an address");
        self.add(name, RData::from(address));
        self
    }

    pub(crate) fn text(mut self, name: &str, strings: &[&str]) -> Self {
        let strings = strings.iter().map(|text| (*text).to_owned()).collect();
        self.add(name, RData::TXT(TXT::new(strings)));
        self
    }

    pub(crate) fn alias(mut self, name: &str, target: &str) -> Self {
        self.add(name, RData::CNAME(CNAME(absolute(target))));
        self
    }

    pub(crate) fn caa(mut self, name: &str, flags: u8, tag: &str, value: &str) -> Self {
        let mut record = CAA::new_issue(flags & 128 != 0, None, Vec::new());
        tag.clone_into(&mut record.tag);
        record.value = value.as_bytes().to_vec();
        self.add(name, RData::CAA(record));
        self
    }

    pub(crate) fn answers(mut self, name: &str, kind: RecordType, code: ResponseCode) -> Self {
        self.codes.insert((absolute(name), kind), code);
        self
    }

    pub(crate) fn keeps_silent_about(mut self, name: &str, kind: RecordType) -> Self {
        self.silent.insert((absolute(name), kind));
        self
    }

    pub(crate) fn chases_no_aliases(mut self) -> Self {
        self.chases_no_aliases = true;
        self
    }

    fn add(&mut self, name: &str, data: RData) {
        self.records.entry(absolute(name)).or_default().push(data);
    }

    fn answer(&self, query: &Message) -> Option<Message> {
        let question = query.queries.first()?;
        let key = (question.name().to_lowercase(), question.query_type());
        if self.silent.contains(&key) {
            return None;
        }
        let mut response = Message::response(query.metadata.id, OpCode::Query);
        response.add_query(question.clone());
        response.metadata.recursion_available = true;
        if let Some(code) = self.codes.get(&key) {
            response.metadata.response_code = *code;
            return Some(response);
        }
        let (mut owner, kind) = key;
        for _alias in 0..20 {
            let Some(here) = self.records.get(&owner) else {
                response.metadata.response_code = ResponseCode::NXDomain;
                return Some(response);
            };
            let wanted = here.iter().filter(|data| data.record_type() == kind);
            let records = wanted.map(|data| Record::from_rdata(owner.clone(), 60, data.clone()));
            response.add_answers(records.collect::<Vec<_>>());
            let Some(RData::CNAME(target)) = here.first() else {
                return Some(response);
            };
            response.add_answer(Record::from_rdata(
                owner.clone(),
                60,
                RData::CNAME(target.clone()),
            ));
            if self.chases_no_aliases {
                return Some(response);
            }
            owner = target.0.to_lowercase();
        }
        Some(response)
    }
}

impl DnsServer {
    pub(crate) async fn start(zone: Zone) -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().expect("bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let zone = Arc::new(zone);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&zone), Arc::clone(&asked)));
        tasks.spawn(serve_tcp(tcp, zone));
        Self {
            address,
            asked,
            _tasks: tasks,
        }
    }

    /// Returns how often a record was asked for over UDP.
    pub(crate) fn times_asked(&self, name: &str, kind: RecordType) -> usize {
        let asked = self.asked.lock().expect("not poisoned");
        let wanted = (format!("{name}."), kind);
        asked.iter().filter(|question| **question == wanted).count()
    }

    /// Returns every name that was asked for.
    pub(crate) fn names_asked(&self) -> HashSet<String> {
        let asked = self.asked.lock().expect("not poisoned");
        asked.iter().map(|(name, _)| name.clone()).collect()
    }
}

async fn serve_udp(
    socket: UdpSocket,
    zone: Arc<Zone>,
    asked: Arc<Mutex<Vec<(String, RecordType)>>>,
) {
    let mut buffer = [0; 4096];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        let query = Message::from_vec(buffer.get(..length).expect("within")).expect("a query");
        for question in &query.queries {
            let name = question.name().to_lowercase().to_ascii();
            let mut asked = asked.lock().expect("not poisoned");
            asked.push((name, question.query_type()));
        }
        let Some(answer) = zone.answer(&query) else {
            continue;
        };
        let mut octets = answer.to_vec().expect("encodes");
        if octets.len() > 1232 {
            octets = answer.truncate().to_vec().expect("encodes");
        }
        let _ = socket.send_to(&octets, peer).await;
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Zone>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _peer)) = listener.accept().await {
        connections.spawn(serve_connection(stream, Arc::clone(&zone)));
    }
}

async fn serve_connection(mut stream: TcpStream, zone: Arc<Zone>) {
    while let Ok(length) = stream.read_u16().await {
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await.expect("a whole query");
        let query = Message::from_vec(&query).expect("a query");
        let Some(answer) = zone.answer(&query) else {
            continue;
        };
        let octets = answer.to_vec().expect("encodes");
        let length = u16::try_from(octets.len()).expect("fits");
        stream.write_u16(length).await.expect("written");
        stream.write_all(&octets).await.expect("written");
    }
}

/// Finds a port that is free for both.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let address = udp.local_addr().expect("bound");
        if let Ok(tcp) = TcpListener::bind(address).await {
            return (udp, tcp);
        }
    }
}

fn absolute(name: &str) -> Name {
    Name::from_ascii(format!("{name}."))
        .expect("a name")
        .to_lowercase()
}
