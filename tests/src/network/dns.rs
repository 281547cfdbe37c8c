//! A DNS server over UDP and TCP that knows every name, and records as told.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{CAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::background;

/// A running server. What it knows may change while it runs.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

/// How a question fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsAnswer {
    /// The server cannot say.
    ServFail,
    /// There is no such name.
    NxDomain,
    /// Nothing comes back.
    Silence,
}

#[derive(Debug, Default)]
struct Zone {
    records: HashMap<Name, Vec<RData>>,
    failures: HashMap<(Name, RecordType), DnsAnswer>,
    asked: Vec<(Name, RecordType)>,
}

impl DnsServer {
    pub(super) fn start() -> Self {
        let (udp, tcp, address) = background::enter(sockets);
        let zone = Arc::default();
        background::spawn(serve_udp(udp, Arc::clone(&zone)));
        background::spawn(serve_tcp(tcp, Arc::clone(&zone)));
        Self { address, zone }
    }

    /// Returns where it listens, for `validation.resolvers`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a TXT record.
    pub fn add_text(&self, name: &str, text: &str) {
        self.add(name, RData::TXT(TXT::new(vec![text.to_owned()])));
    }

    /// Adds a CAA record.
    pub fn add_caa(&self, name: &str, flags: u8, tag: &str, value: &str) {
        let mut record = CAA::new_issue(flags & 128 != 0, None, Vec::new());
        tag.clone_into(&mut record.tag);
        record.value = value.as_bytes().to_vec();
        self.add(name, RData::CAA(record));
    }

    /// Makes a name an alias of another.
    pub fn add_alias(&self, name: &str, target: &str) {
        self.add(name, RData::CNAME(CNAME(absolute(target))));
    }

    /// Gives a name an address other than 127.0.0.1.
    pub fn add_address(&self, name: &str, address: IpAddr) {
        self.add(name, RData::from(address));
    }

    /// Fails questions for this name and kind (`A`, `CAA`, …) from now on.
    pub fn fail(&self, name: &str, kind: &str, how: DnsAnswer) {
        let kind = kind.parse().expect("a kind of record");
        let key = (absolute(name), kind);
        self.zone.lock().unwrap().failures.insert(key, how);
    }

    /// Forgets every record and failure of a name.
    pub fn forget(&self, name: &str) {
        let name = absolute(name);
        let mut zone = self.zone.lock().unwrap();
        zone.records.remove(&name);
        zone.failures.retain(|(failing, _), _| *failing != name);
    }

    /// Returns how often this was asked for.
    pub fn times_asked(&self, name: &str, kind: &str) -> usize {
        let wanted = (absolute(name), kind.parse().expect("a kind of record"));
        let zone = self.zone.lock().unwrap();
        zone.asked.iter().filter(|asked| **asked == wanted).count()
    }

    fn add(&self, name: &str, data: RData) {
        let mut zone = self.zone.lock().unwrap();
        zone.records.entry(absolute(name)).or_default().push(data);
    }
}

impl Zone {
    /// Answers as a resolver does: aliases followed, names without addresses at 127.0.0.1.
    fn answer(&mut self, query: &Message) -> Option<Message> {
        let question = query.queries.first()?;
        let (mut owner, kind) = (question.name().to_lowercase(), question.query_type());
        self.asked.push((owner.clone(), kind));
        let mut response = Message::response(query.metadata.id, OpCode::Query);
        response.add_query(question.clone());
        response.metadata.recursion_available = true;
        for _alias in 0..16 {
            match self.failures.get(&(owner.clone(), kind)) {
                Some(DnsAnswer::Silence) => return None,
                Some(DnsAnswer::ServFail) => {
                    response.metadata.response_code = ResponseCode::ServFail;
                    return Some(response);
                }
                Some(DnsAnswer::NxDomain) => {
                    response.metadata.response_code = ResponseCode::NXDomain;
                    return Some(response);
                }
                None => {}
            }
            let here = self.records.get(&owner).cloned().unwrap_or_default();
            if let Some(RData::CNAME(alias)) = here.first() {
                let target = alias.0.to_lowercase();
                response.add_answers(
                    here.into_iter()
                        .map(|data| Record::from_rdata(owner.clone(), TTL, data)),
                );
                owner = target;
                continue;
            }
            response.add_answers(of_kind(&owner, kind, here));
            return Some(response);
        }
        Some(response)
    }
}

fn of_kind(owner: &Name, kind: RecordType, here: Vec<RData>) -> Vec<Record> {
    let mut wanted: Vec<RData> = here
        .into_iter()
        .filter(|data| data.record_type() == kind)
        .collect();
    if wanted.is_empty() && kind == RecordType::A {
        wanted.push(RData::from(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
    wanted
        .into_iter()
        .map(|data| Record::from_rdata(owner.clone(), TTL, data))
        .collect()
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut buffer = [0; 4096];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        let Some(answer) = answer(&zone, &buffer[..length]) else {
            continue;
        };
        let octets = answer.to_vec().expect("an answer encodes");
        let octets = if octets.len() > LARGEST_DATAGRAM {
            answer.truncate().to_vec().expect("an answer encodes")
        } else {
            octets
        };
        // Whoever asked may have gone.
        let _ = socket.send_to(&octets, peer).await;
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Mutex<Zone>>) {
    while let Ok((stream, _peer)) = listener.accept().await {
        let zone = Arc::clone(&zone);
        background::spawn(async move {
            // A connection that breaks has no more questions.
            let _ = serve_connection(stream, &zone).await;
        });
    }
}

async fn serve_connection(mut stream: TcpStream, zone: &Mutex<Zone>) -> std::io::Result<()> {
    loop {
        let mut query = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut query).await?;
        if let Some(answer) = answer(zone, &query) {
            let octets = answer.to_vec().expect("an answer encodes");
            stream.write_u16(octets.len() as u16).await?;
            stream.write_all(&octets).await?;
        }
    }
}

fn answer(zone: &Mutex<Zone>, query: &[u8]) -> Option<Message> {
    let query = Message::from_vec(query).ok()?;
    zone.lock().unwrap().answer(&query)
}

/// Finds a port that is free for both.
fn sockets() -> (UdpSocket, TcpListener, SocketAddr) {
    loop {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = tcp.local_addr().expect("bound");
        let Ok(udp) = std::net::UdpSocket::bind(address) else {
            continue;
        };
        tcp.set_nonblocking(true).expect("sockets can wait");
        udp.set_nonblocking(true).expect("sockets can wait");
        let tcp = TcpListener::from_std(tcp).expect("inside of a runtime");
        let udp = UdpSocket::from_std(udp).expect("inside of a runtime");
        return (udp, tcp, address);
    }
}

fn absolute(name: &str) -> Name {
    Name::from_ascii(format!("{name}."))
        .expect("a name")
        .to_lowercase()
}

const TTL: u32 = 60;
const LARGEST_DATAGRAM: usize = 1232;
