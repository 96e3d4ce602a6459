//! What clients may cost before any component runs.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures::future::join_all;
use host::{ClientBounds, CompiledApplication, LoadOptions, RunningApplication, StartOptions, raise_open_files};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{EMPTY, Folder, PATIENCE, eventually};
use crate::process::{Process, command};
use crate::server::{exchange, is_closed};

const HEALTH: &str = "HEAD /.well-known/spin/health HTTP/1.1\r\nHost: shop.test\r\n\r\n";
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(300);

/// Bounds that no test reaches.
const WIDE: ClientBounds = ClientBounds {
    head_time: LONG,
    idle_time: LONG,
    head_bytes: 32 * 1024,
    connections: 1000,
    connections_per_address: 1000,
};

async fn serve(clients: ClientBounds) -> (RunningApplication, SocketAddr) {
    let folder = Folder::with_manifest(EMPTY);
    let app = CompiledApplication::load(&folder.manifest(), LoadOptions::default()).unwrap();
    let start = StartOptions { listen: Some(([127, 0, 0, 1], 0).into()), clients, ..StartOptions::default() };
    let running = app.start(start).await.unwrap();
    let address = running.address().unwrap();
    (running, address)
}

/// A connection from the address 127.0.0.`from`.
async fn connect(from: u8, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, from], 0).into()).unwrap();
    socket.connect(address).await.unwrap()
}

async fn is_served(connection: &mut TcpStream) -> bool {
    exchange(connection, HEALTH).await.starts_with("HTTP/1.1 200 ")
}

/// Whether the server has not closed a connection yet. It has sent nothing on it.
fn is_open(connection: &TcpStream) -> bool {
    connection.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// Sends a head byte by byte until the server closes the connection, and says how long it let that happen.
async fn drip(mut connection: TcpStream) -> Duration {
    let begun = Instant::now();
    let dripping = async {
        connection.write_all(b"GET / HTTP/1.1\r\nX: ").await?;
        while !matches!(connection.try_read(&mut [0]), Ok(0)) {
            connection.write_u8(b'x').await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::io::Result::Ok(())
    };
    _ = tokio::time::timeout(PATIENCE, dripping).await.expect("the server puts an end to it");
    begun.elapsed()
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off_in_time_and_others_are_served_meanwhile() {
    let (_running, address) = serve(ClientBounds { head_time: SHORT, ..WIDE }).await;
    let slow = join_all((0..200).map(|_| async { drip(connect(2, address).await).await }));
    let others = async {
        loop {
            assert!(is_served(&mut connect(1, address).await).await);
        }
    };
    tokio::select! {
        slow = slow => assert!(slow.iter().all(|time| *time > SHORT / 2 && *time < PATIENCE), "{slow:?}"),
        () = others => unreachable!("they are served for ever"),
    }
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_after_the_time_of_a_head() {
    let (_running, address) = serve(ClientBounds { head_time: SHORT, ..WIDE }).await;
    let (mut connection, begun) = (connect(1, address).await, Instant::now());
    assert!(is_closed(&mut connection).await && begun.elapsed() > SHORT / 2);
}

#[tokio::test]
async fn a_kept_connection_has_its_own_time_and_a_head_on_it_has_the_time_of_a_head() {
    let (_running, address) = serve(ClientBounds { head_time: SHORT / 10, idle_time: SHORT, ..WIDE }).await;
    let mut idle = connect(1, address).await;
    assert!(is_served(&mut idle).await);
    let begun = Instant::now();
    assert!(is_closed(&mut idle).await && begun.elapsed() > SHORT / 2);

    let (_running, address) = serve(ClientBounds { head_time: SHORT, idle_time: LONG, ..WIDE }).await;
    let mut begun = connect(1, address).await;
    assert!(is_served(&mut begun).await);
    begun.write_all(b"GET /").await.unwrap();
    assert!(is_closed(&mut begun).await);
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answers_is_cut_off() {
    let (_running, address) = serve(ClientBounds { idle_time: SHORT, ..WIDE }).await;
    let mut connection = connect(1, address).await;
    let requests = HEALTH.repeat(10_000);
    let sending = async { while connection.write_all(requests.as_bytes()).await.is_ok() {} };
    // It reads nothing, so that no room comes up for further answers.
    tokio::time::timeout(PATIENCE, sending).await.expect("the server puts an end to it");
    assert!(connection.ready(Interest::WRITABLE).await.unwrap().is_write_closed());
}

#[tokio::test]
async fn a_head_may_have_so_many_bytes_and_not_one_more() {
    let (_running, address) = serve(ClientBounds { head_bytes: 4096, ..WIDE }).await;
    let head = |bytes: usize| HEALTH.replace("\r\n\r\n", &format!("\r\nX: {}\r\n\r\n", "x".repeat(bytes)));
    let rest = 4096 - head(0).len();
    assert!(exchange(&mut connect(1, address).await, &head(rest)).await.starts_with("HTTP/1.1 200 "));
    for too_many in [rest + 1, 100_000] {
        let mut connection = connect(1, address).await;
        let answer = exchange(&mut connection, &head(too_many)).await;
        assert!(answer.starts_with("HTTP/1.1 431 ") && answer.contains("connection: close"), "{answer}");
        assert!(is_closed(&mut connection).await);
    }
    // The body is another matter.
    let body = format!("{}{}", HEALTH.replace("\r\n\r\n", "\r\nContent-Length: 9000\r\n\r\n"), "x".repeat(9000));
    assert!(exchange(&mut connect(1, address).await, &body).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn silent_connections_of_an_address_make_room_for_its_new_ones_and_cost_other_addresses_nothing() {
    let (_running, address) = serve(ClientBounds { connections_per_address: 40, ..WIDE }).await;
    let mut other = connect(1, address).await;
    assert!(is_served(&mut other).await);
    let mut silent = Vec::new();
    for _ in 0..1500 {
        silent.push(connect(2, address).await);
    }
    assert!(is_served(&mut connect(2, address).await).await, "whoever says something gets in");
    let few = || (silent.iter().filter(|connection| is_open(connection)).count() <= 40).then_some(());
    eventually("all but so many to be closed", async || few()).await;
    assert!(is_served(&mut other).await, "the same connection as before");
}

#[tokio::test]
async fn silent_connections_of_many_addresses_make_room_for_anybody() {
    let (_running, address) = serve(ClientBounds { connections: 40, ..WIDE }).await;
    let mut known = connect(1, address).await;
    assert!(is_served(&mut known).await);
    let mut silent = Vec::new();
    for number in 0..500 {
        silent.push(connect(2 + u8::try_from(number % 100).unwrap(), address).await);
    }
    let few = || (silent.iter().filter(|connection| is_open(connection)).count() < 40).then_some(());
    eventually("all but so many to be closed", async || few()).await;
    assert!(is_served(&mut known).await, "who had an answer before keeps its place among strangers");
    assert!(is_served(&mut connect(1, address).await).await);
}

#[tokio::test]
async fn a_bound_that_is_reached_is_told_once_with_its_flag() {
    let folder = Folder::with_manifest(EMPTY);
    let flags = ["--max-connections", "30", "--max-connections-per-address", "20", "--max-head", "1024"];
    let mut process = command(&folder, "up").args(flags).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut up = Process { printed: BufReader::new(process.stdout.take().unwrap()).lines(), process };
    let address: SocketAddr = up.line("runs at http://").await.split("http://").nth(1).unwrap().parse().unwrap();
    let answer = exchange(&mut connect(1, address).await, &format!("GET /{} HTTP/1.1", "x".repeat(2000))).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let mut silent = Vec::new();
    for number in 0..200 {
        silent.push(connect(if number < 100 { 2 } else { 3 }, address).await);
    }
    assert!(is_served(&mut connect(3, address).await).await);
    up.signal(rustix::process::Signal::TERM);
    let mut lines = Vec::new();
    while let Some(line) = log.next_line().await.unwrap() {
        lines.push(line);
    }
    for (flag, number) in [("--max-connections-per-address", 20), ("--max-connections", 30)] {
        let told: Vec<_> = lines.iter().filter(|line| line.ends_with(flag)).collect();
        assert!(told.len() == 1 && told[0].contains(&format!(" {number} connections")), "{flag}: {lines:#?}");
    }
}

/// How many connections come, if somebody wants other than the usual number: `make idle CONNECTIONS=100000`.
const CONNECTIONS: &str = "IDLE_CONNECTIONS";

/// Of those that come, two thirds are kept: the others made room.
#[tokio::test]
async fn thousands_of_idle_connections_take_little_memory_and_cost_nobody_an_answer() {
    raise_open_files();
    let come: usize = std::env::var(CONNECTIONS).map_or(3000, |number| number.parse().unwrap());
    let room = ClientBounds::most_connections() / 4 * 3;
    let kept = (come / 3 * 2).min(room);
    if kept == room {
        eprintln!("`ulimit -n` lets {kept} of {come} connections be open at the same time: the others make room");
    }
    let folder = Folder::with_manifest(EMPTY);
    let number = kept.to_string();
    let flags = ["--max-connections", &number, "--max-connections-per-address", &number, "--head-timeout", "3600"];
    let mut up = Process::start(&folder, "up", &flags);
    let address: SocketAddr = up.line("runs at http://").await.split("http://").nth(1).unwrap().parse().unwrap();
    assert!(is_served(&mut connect(1, address).await).await);
    let (host, mut idle, mut opened) = (up.process.id().unwrap(), Vec::new(), 0);
    let (before, mut each) = (memory(host), usize::MAX);
    while come > opened {
        // An address has no more than some 28,000 ports.
        let together = (0..100.min(come - opened)).map(|number| connect(2 + u8::try_from(number).unwrap(), address));
        idle.extend(join_all(together).await);
        opened += 100;
        assert!(is_served(&mut connect(1, address).await).await, "after {opened}");
        idle.retain(is_open);
        if opened + 100 <= kept {
            // Before any makes room: the allocator keeps what was freed.
            each = memory(host).saturating_sub(before) / opened;
        }
    }
    let open = eventually("the last ones to make room", async || {
        idle.retain(is_open);
        (idle.len() <= kept).then_some(idle.len())
    });
    let open = open.await;
    println!("{come} idle connections came, {open} are open, each takes {each} bytes of the host");
    assert!(open * 10 >= kept * 9, "{open} of {kept} are open");
    assert!(each < 48 * 1024, "each takes {each} bytes");
    assert!(is_served(&mut connect(1, address).await).await);
}

/// How many bytes of memory a process takes.
fn memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
