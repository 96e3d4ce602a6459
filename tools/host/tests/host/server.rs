//! The HTTP server.

use std::net::SocketAddr;

use host::{CompiledApplication, LoadOptions, RunningApplication, StartOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{EMPTY, Folder, PATIENCE};

async fn serve() -> (RunningApplication, SocketAddr) {
    let folder = Folder::with_manifest(EMPTY);
    let app = CompiledApplication::load(&folder.manifest(), LoadOptions::default()).unwrap();
    let start = StartOptions { listen: Some(([127, 0, 0, 1], 0).into()), ..StartOptions::default() };
    let running = app.start(start).await.unwrap();
    let address = running.address().unwrap();
    (running, address)
}

/// Sends a request on a connection, and reads the answer's head.
pub(crate) async fn exchange(connection: &mut TcpStream, request: &str) -> String {
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tokio::time::timeout(PATIENCE, connection.read_u8()).await.expect("an answer").unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Whether the server has closed a connection.
pub(crate) async fn is_closed(connection: &mut TcpStream) -> bool {
    let read = tokio::time::timeout(PATIENCE, connection.read(&mut [0])).await.expect("an end");
    read.is_err() || read.is_ok_and(|bytes| bytes == 0)
}

#[tokio::test]
async fn a_connection_answers_one_request_after_another() {
    let (_running, address) = serve().await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    for _ in 0..3 {
        let head = exchange(&mut connection, "GET /nowhere HTTP/1.1\r\nHost: shop.test\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n"), "{head}");
    }
}

#[tokio::test]
async fn a_request_that_names_no_host_or_two_is_bad() {
    let (_running, address) = serve().await;
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: not a host\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: not a host\r\n\r\n",
    ] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let head = exchange(&mut connection, request).await;
        assert!(head.contains(" 400 Bad Request"), "{request}: {head}");
    }
}

/// HAProxy and Nagios probe so unless they are told otherwise.
#[tokio::test]
async fn a_probe_of_http_1_0_need_not_name_a_host() {
    let (_running, address) = serve().await;
    for request in [
        "HEAD /.well-known/spin/health HTTP/1.0\r\n\r\n",
        "HEAD /.well-known/spin/health HTTP/1.0\r\nHost: shop.test\r\n\r\n",
    ] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let head = exchange(&mut connection, request).await;
        assert!(head.starts_with("HTTP/1.0 200 OK") || head.starts_with("HTTP/1.1 200 OK"), "{request}: {head}");
        assert!(is_closed(&mut connection).await, "HTTP/1.0 keeps no connection");
    }
}

#[tokio::test]
async fn the_paths_that_spin_keeps_for_itself_are_answered() {
    let (_running, address) = serve().await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = exchange(&mut connection, "HEAD /.well-known/spin/health HTTP/1.1\r\nHost: shop.test\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"), "{head}");
    let head = exchange(&mut connection, "HEAD /.well-known/spin/other HTTP/1.1\r\nHost: shop.test\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[tokio::test]
async fn stopped_or_killed_it_closes_its_connections_and_takes_no_more() {
    for kill in [false, true] {
        let (running, address) = serve().await;
        let mut connection = TcpStream::connect(address).await.unwrap();
        exchange(&mut connection, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n").await;
        if kill {
            running.kill();
        } else {
            running.stop().await;
        }
        tokio::time::timeout(PATIENCE, running.closed()).await.expect("it ends");
        assert!(is_closed(&mut connection).await);
        assert!(TcpStream::connect(address).await.is_err());
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let (_running, address) = serve().await;
    let folder = Folder::with_manifest(EMPTY);
    let app = CompiledApplication::load(&folder.manifest(), LoadOptions::default()).unwrap();
    let error = app.start(StartOptions { listen: Some(address), ..StartOptions::default() }).await.err().unwrap();
    assert!(format!("{error:#}").starts_with(&format!("{address} can't be listened on: ")), "{error:#}");
}
