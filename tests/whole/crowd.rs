//! More clients than there are places, on the whole application.

use std::net::SocketAddr;
use std::sync::Arc;

use host::{ClientBounds, StartOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{Redis, Sluice, an_order, eventually, start_with, within};

/// So many places there are for one address.
const PLACES: usize = 20;
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

async fn crowded() -> Sluice {
    let bounds = ClientBounds { connections: 10 * PLACES, connections_per_address: PLACES, ..ClientBounds::default() };
    Sluice::on(Arc::new(Redis::start().await), StartOptions { clients: bounds, ..start_with(&[]) }).await
}

/// A connection from the address 127.0.0.`from`.
async fn connect(from: u8, sluice: &Sluice) -> TcpStream {
    let (socket, to): (_, SocketAddr) = (TcpSocket::new_v4().unwrap(), sluice.running.address().unwrap());
    socket.bind(([127, 0, 0, from], 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

async fn answer(mut connection: TcpStream, request: &str) -> String {
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("the end of the answer", connection.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_taken_and_confirmed_however_many_connections_say_nothing() {
    let sluice = crowded().await;
    let mut silent = Vec::new();
    for _ in 0..30 * PLACES {
        // The shop of `place` has the same address.
        silent.push(connect(1, &sluice).await);
    }
    let order = sluice.place(&an_order()).await;
    sluice.until(&order, "confirmed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_whose_every_connection_has_a_request_in_hand_is_told_503_and_no_other_address_is() {
    let sluice = crowded().await;
    let half = "POST /orders HTTP/1.1\r\nhost: shop.test\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\
                expect: 100-continue\r\n\r\n";
    let mut busy = Vec::new();
    for _ in 0..PLACES {
        let mut connection = connect(2, &sluice).await;
        connection.write_all(half.as_bytes()).await.unwrap();
        // The intake reads the body, so the request is in hand.
        within("the word to go on", connection.read_exact(&mut [0; CONTINUE.len()])).await.unwrap();
        busy.push(connection);
    }
    let health = "GET /health HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n";
    let refused = answer(connect(2, &sluice).await, health).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    let (head, body) = refused.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nretry-after: 1\r\n") && head.contains("\r\nconnection: close\r\n"), "{refused}");
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{refused}");
    assert!(answer(connect(3, &sluice).await, health).await.starts_with("HTTP/1.1 200 "), "a probe's own address");
    drop(busy);
    eventually("a place", async || answer(connect(2, &sluice).await, health).await.contains(" 200 ").then_some(()))
        .await;
}
