//! A resolver that does what no resolver should, name by name.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdTcpListener, UdpSocket as StdUdpSocket};
use std::time::Duration;

use hickory_proto::op::{Message, OpCode, Query};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Builder;
use tokio::time::sleep;

/// Where names lead whose owner is somebody else.
pub(crate) const VICTIM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// Starts a resolver that lives as long as the process, whatever test started it.
pub(crate) fn start() -> SocketAddr {
    let (udp, tcp) = loop {
        let tcp = StdTcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = StdUdpSocket::bind(tcp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let address = tcp.local_addr().unwrap();
    tcp.set_nonblocking(true).unwrap();
    udp.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let udp = UdpSocket::from_std(udp).unwrap();
            let tcp = TcpListener::from_std(tcp).unwrap();
            tokio::join!(serve_udp(udp.into()), serve_tcp(tcp));
        });
    });
    address
}

async fn serve_udp(socket: std::sync::Arc<UdpSocket>) {
    let mut buffer = [0; 4096];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        let query = Message::from_vec(&buffer[..length]).unwrap();
        let socket = std::sync::Arc::clone(&socket);
        tokio::spawn(async move {
            for (pause, datagram) in over_udp(&query) {
                sleep(pause).await;
                // Whoever asked may have gone.
                let _ = socket.send_to(&datagram, peer).await;
            }
        });
    }
}

async fn serve_tcp(listener: TcpListener) {
    while let Ok((stream, _peer)) = listener.accept().await {
        tokio::spawn(async move {
            // A connection that breaks has no more questions.
            let _ = over_tcp(stream).await;
        });
    }
}

/// Returns the datagrams that answer a question, each after a pause.
fn over_udp(query: &Message) -> Vec<(Duration, Vec<u8>)> {
    let now = |octets| (Duration::ZERO, octets);
    let right = encode(&answer(query, Ipv4Addr::LOCALHOST));
    if !asks_for_addresses(query) {
        return vec![now(encode(&reply(query)))];
    }
    match first_label(query).as_str() {
        "silent" => Vec::new(),
        "late" => vec![(Duration::from_secs(7), right)],
        "wrong-id" => vec![now(with_wrong_id(query))],
        "wrong-question" => vec![now(about_another_name(query))],
        "spoofed" => {
            let mut forged = vec![now(with_wrong_id(query)), now(about_another_name(query))];
            forged.push((Duration::from_millis(50), right));
            forged
        }
        "extra" => vec![now(with_another_owner(query))],
        "loop" => vec![now(alias(query, &question(query).name().to_string()))],
        "chain" => vec![now(alias(query, &next_in_chain(query)))],
        "endless" | "short" | "truncated" => vec![now(truncated(query))],
        "garbage" => vec![now(vec![0xff; 512])],
        "forbidden" => vec![now(encode(&answer(
            query,
            Ipv4Addr::new(169, 254, 169, 254),
        )))],
        "unspecified" => vec![now(encode(&answer(query, Ipv4Addr::UNSPECIFIED)))],
        _ => vec![now(right)],
    }
}

async fn over_tcp(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let mut query = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut query).await?;
        let query = Message::from_vec(&query).unwrap();
        let said = match first_label(&query).as_str() {
            "truncated" => truncated(&query),
            "endless" => {
                stream.write_u16(u16::MAX).await?;
                loop {
                    stream.write_u8(0).await?;
                    sleep(Duration::from_millis(100)).await;
                }
            }
            // Less than announced, then the end.
            "short" => {
                stream.write_u16(500).await?;
                stream.write_all(&[0; 10]).await?;
                return stream.shutdown().await;
            }
            _ => encode(&answer(&query, Ipv4Addr::LOCALHOST)),
        };
        stream.write_u16(u16::try_from(said.len()).unwrap()).await?;
        stream.write_all(&said).await?;
    }
}

fn question(query: &Message) -> &Query {
    query.queries.first().unwrap()
}

fn first_label(query: &Message) -> String {
    let name = question(query).name().to_lowercase().to_string();
    let label = name.split('.').next().unwrap_or_default();
    label
        .trim_end_matches(|letter: char| letter.is_ascii_digit())
        .to_owned()
}

fn asks_for_addresses(query: &Message) -> bool {
    let kind = question(query).query_type();
    kind == RecordType::A || kind == RecordType::AAAA
}

/// An empty answer.
fn reply(query: &Message) -> Message {
    let mut response = Message::response(query.metadata.id, OpCode::Query);
    response.add_query(question(query).clone());
    response.metadata.recursion_available = true;
    response
}

/// The name's address, if it is asked for; names have none in IPv6.
fn answer(query: &Message, address: Ipv4Addr) -> Message {
    let mut response = reply(query);
    if question(query).query_type() == RecordType::A {
        let owner = question(query).name().clone();
        response.add_answer(Record::from_rdata(owner, 60, RData::from(address)));
    }
    response
}

fn with_wrong_id(query: &Message) -> Vec<u8> {
    let mut forged = answer(query, VICTIM);
    forged.metadata.id = query.metadata.id.wrapping_add(1);
    encode(&forged)
}

fn about_another_name(query: &Message) -> Vec<u8> {
    let mut forged = Message::response(query.metadata.id, OpCode::Query);
    let name = Name::from_ascii("elsewhere.test.").unwrap();
    forged.add_query(Query::query(name.clone(), question(query).query_type()));
    forged.add_answer(Record::from_rdata(name, 60, RData::from(VICTIM)));
    encode(&forged)
}

fn with_another_owner(query: &Message) -> Vec<u8> {
    let mut forged = reply(query);
    let name = Name::from_ascii("elsewhere.test.").unwrap();
    forged.add_answer(Record::from_rdata(name, 60, RData::from(VICTIM)));
    encode(&forged)
}

fn alias(query: &Message, target: &str) -> Vec<u8> {
    let mut response = reply(query);
    let target = RData::CNAME(CNAME(Name::from_ascii(target).unwrap()));
    let owner = question(query).name().clone();
    response.add_answer(Record::from_rdata(owner, 60, target));
    encode(&response)
}

/// `chain.…` leads to `chain1.…`, that to `chain2.…`, and so on.
fn next_in_chain(query: &Message) -> String {
    let name = question(query).name().to_lowercase().to_string();
    let (label, rest) = name.split_once('.').unwrap();
    let number: u32 = label
        .trim_start_matches("chain")
        .parse()
        .unwrap_or_default();
    format!("chain{}.{rest}", number + 1)
}

fn truncated(query: &Message) -> Vec<u8> {
    let mut response = reply(query);
    response.metadata.truncation = true;
    encode(&response)
}

fn encode(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap()
}
