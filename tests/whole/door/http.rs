//! What HTTP asks of the door: methods, paths, media types, lengths, and connections that behave oddly.

use std::collections::BTreeSet;

use ::http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::raw::exchange;
use super::*;
use crate::harness::eventually;

const KEY: &str = "correct-horse-battery-staple";

const NOBODY: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

fn request(method: &str, path: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(path).body(Bytes::new()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_path_takes_its_methods_and_says_which() {
    let sluice = Sluice::start().await;
    let order = sluice.place(&full()).await;
    let order = format!("/orders/{order}");
    for (path, allowed) in
        [("/orders", &["POST", "GET", "HEAD"][..]), (&order, &["GET", "HEAD"]), ("/health", &["GET", "HEAD"])]
    {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            let answer = sluice.client.send(request(method, path)).await;
            assert!(answer.headers().contains_key("content-length"), "{method} {path}: {answer:?}");
            if allowed.contains(&method) {
                assert_ne!(answer.status(), 405, "{method} {path}");
                continue;
            }
            assert_eq!(answer.status(), 405, "{method} {path}");
            assert_eq!(answer.headers()["allow"], format!("{}, OPTIONS", allowed.join(", ")), "{method} {path}");
            if method != "HEAD" {
                assert_eq!(problem(&answer)["type"], "urn:sluice:problem:method-not-allowed");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_its_body() {
    let sluice = Sluice::start().await;
    let order = sluice.place(&full()).await;
    sluice.until(&order, "confirmed").await;
    for path in [format!("/orders/{order}"), format!("/orders/{NOBODY}"), "/health".to_owned()] {
        let get = sluice.client.get(&path).await;
        let head = sluice.client.send(request("HEAD", &path)).await;
        assert_eq!((head.status(), head.body().len()), (get.status(), 0), "{path}");
        for header in ["content-type", "content-length"] {
            assert_eq!(head.headers()[header], get.headers()[header], "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_404() {
    let sluice = Sluice::start().await;
    let order = sluice.place(&full()).await;
    let mut paths: Vec<String> = vec![
        "/".to_owned(),
        "/order".to_owned(),
        "//orders".to_owned(),
        "/orders/".to_owned(),
        "/Orders".to_owned(),
        "/%6frders".to_owned(),
        "/api/orders".to_owned(),
        "/favicon.ico".to_owned(),
        format!("/orders/{NOBODY}"),
        "/orders/4711".to_owned(),
        "/orders/..%2f..%2fetc%2fpasswd".to_owned(),
        format!("/orders/{}", "x".repeat(8000)),
    ];
    // An order has one name.
    paths.push(format!("/orders/{}", order.to_uppercase()));
    paths.push(format!("/orders/{}", order.replace('-', "")));
    paths.push(format!("/orders/{order}/"));
    paths.push(format!("/orders/%30{}", &order[1..]));
    paths.push(format!("/orders/{order}.json"));
    for path in paths {
        let answer = sluice.client.get(&path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(problem(&answer)["type"], "urn:sluice:problem:not-found", "{path}");
    }
    assert_eq!(sluice.client.get(&format!("/orders/{order}?fields=id")).await.status(), 200, "a query is no matter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_with_an_empty_part_is_another_path_and_says_which_is_meant() {
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    let order = sluice.place(&full()).await;
    let before = keys(&sluice.redis).await;
    let body = full().to_string();
    for (method, path, meant, body) in [
        ("POST", "/orders/", "/orders".to_owned(), body.as_str()),
        ("POST", "//orders", "/orders".to_owned(), body.as_str()),
        ("GET", &format!("/orders/{order}/"), format!("/orders/{order}"), ""),
        ("POST", &format!("/orders/{order}/cancel/"), format!("/orders/{order}/cancel"), ""),
        ("POST", &format!("/orders//{order}/cancel"), format!("/orders/{order}/cancel"), ""),
        ("POST", &format!("/orders/{order}/fulfil/?x=1"), format!("/orders/{order}/fulfil"), ""),
        ("PUT", "/stock/TEA-1/", "/stock/TEA-1".to_owned(), "{\"available\": 1}"),
        ("PUT", "/stock//TEA-1", "/stock/TEA-1".to_owned(), "{\"available\": 1}"),
        ("PUT", "/stock/CUP//1", "/stock/CUP/1".to_owned(), "{\"available\": 1}"),
        ("PATCH", "/stock/TEA-1/", "/stock/TEA-1".to_owned(), "{\"by\": 1}"),
        ("GET", "/stock/", "/stock".to_owned(), ""),
        ("GET", "/metrics/", "/metrics".to_owned(), ""),
        ("GET", "/dead-letters/placed/", "/dead-letters/placed".to_owned(), ""),
        ("POST", "/dead-letters/placed/redrive/", "/dead-letters/placed/redrive".to_owned(), "{\"all\": true}"),
        ("GET", "/health/", "/health".to_owned(), ""),
    ] {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {KEY}"));
        let answer = sluice.client.send(request.body(Bytes::from(body.to_owned())).unwrap()).await;
        assert_eq!(answer.status(), 404, "{method} {path}");
        let problem = problem(&answer);
        assert_eq!(problem["type"], "urn:sluice:problem:not-found");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("use {meant}. ")), "{method} {path}: {problem}");
    }
    sluice.until(&order, "confirmed").await;
    let stock: Vec<String> = sluice.redis.raw().await.hkeys("{orders}:stock").await.unwrap();
    assert_eq!(stock, [""; 0], "no article is tracked by it");
    assert!(before.len() <= keys(&sluice.redis).await.len());
    // A slash of the SKU's own.
    let put = sluice.operate("PUT", "/stock/TEA-1%2F", KEY, &json!({"available": 1})).await;
    assert_eq!(body_of(&put)["sku"], "TEA-1/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_plain_utf_8_is_refused_by_what_it_is() {
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    let gzip: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0";
    let plain = least().to_string().into_bytes();
    let utf_16: Vec<u8> = least().to_string().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bom = ["\u{feff}".as_bytes(), &plain].concat();
    let latin_1 = least().to_string().replace("TEA", "TE\u{1}").into_bytes().into_iter();
    let latin_1: Vec<u8> = latin_1.map(|byte| if byte == 1 { 0xc4 } else { byte }).collect();
    for (header, value, body, status, word) in [
        ("content-encoding", "gzip", gzip, 415, "gzip"),
        // It says so, and isn't.
        ("content-encoding", "br", &plain, 415, "br"),
        ("content-encoding", "identity, deflate", &plain, 415, "deflate"),
        ("content-type", "application/json; charset=iso-8859-1", &latin_1, 415, "iso-8859-1"),
        ("content-type", "application/json;charset=\"UTF-16\"", &utf_16, 415, "UTF-16"),
        ("content-encoding", "identity", gzip, 400, "gzip"),
        ("content-encoding", "", &bom, 400, "BOM"),
        ("content-type", "application/json", &utf_16, 400, "UTF-16"),
        ("content-type", "application/json; charset=\"utf-8\"", &latin_1, 400, "not UTF-8"),
    ] {
        for (method, path) in [("POST", "/orders"), ("POST", &*format!("/orders/{NOBODY}/cancel"))] {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("content-type", "application/json").header(header, value);
            let mut request = request.body(Bytes::copy_from_slice(body)).unwrap();
            if header == "content-type" {
                request.headers_mut().insert(header, value.parse().unwrap());
            }
            let answer = sluice.client.send(request).await;
            assert_eq!(answer.status(), status, "{path} {value}: {answer:?}");
            let problem = problem(&answer);
            let kind = if status == 415 { "unsupported-media-type" } else { "not-json" };
            assert_eq!(problem["type"], format!("urn:sluice:problem:{kind}"), "{path} {value}");
            assert!(problem["detail"].as_str().unwrap().contains(word), "{path} {value}: {problem}");
        }
        let request =
            Request::put("/stock/TEA-1").header(header, value).header("authorization", format!("Bearer {KEY}"));
        let answer = sluice.client.send(request.body(Bytes::copy_from_slice(body)).unwrap()).await;
        assert_eq!(answer.status(), status, "stock {value}: {answer:?}");
        assert!(problem(&answer)["detail"].as_str().unwrap().contains(word), "stock {value}: {answer:?}");
    }
    assert_eq!(keys(&sluice.redis).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_json_is_taken() {
    let sluice = Sluice::start().await;
    let post_as = |types: &[&str]| {
        let mut request = Request::post("/orders");
        for media_type in types {
            request = request.header("content-type", *media_type);
        }
        request.body(Bytes::from(full().to_string())).unwrap()
    };
    for types in [
        &[][..],
        &[""],
        &["json"],
        &["text/plain"],
        &["text/json"],
        &["application/x-www-form-urlencoded"],
        &["application/jsonp"],
        &["application/json-patch+json"],
        &["application/problem+json"],
        &["application/*"],
        &["application/json, text/plain"],
        &["text/plain", "application/json"],
    ] {
        let answer = sluice.client.send(post_as(types)).await;
        assert_eq!(answer.status(), 415, "{types:?}");
        assert_eq!(problem(&answer)["type"], "urn:sluice:problem:unsupported-media-type");
    }
    assert_eq!(keys(&sluice.redis).await, [""; 0]);
    for types in
        ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
    {
        assert_eq!(sluice.client.send(post_as(&[types])).await.status(), 202, "{types}");
    }
}

/// The head of a request to place an order, with its last headers still to come.
const HEAD: &str =
    "POST /orders HTTP/1.1\r\nhost: shop.test\r\ncontent-type: application/json\r\nconnection: close\r\n";

/// A body in chunks of so many bytes.
fn chunked(body: &str, size: usize) -> String {
    let mut request = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    for chunk in body.as_bytes().chunks(size) {
        request += &format!("{:x}\r\n{}\r\n", chunk.len(), str::from_utf8(chunk).unwrap());
    }
    request + "0\r\n\r\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_chunks_is_an_order_like_any_other() {
    let sluice = Sluice::start().await;
    let address = sluice.running.address().unwrap();
    let order = least().to_string();
    for size in [1, 7, order.len()] {
        let [answer] = exchange(address, chunked(&order, size)).await.try_into().unwrap();
        assert_eq!((answer.status, answer.header("transfer-encoding")), (202, None), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_however_it_comes() {
    let sluice = Sluice::start().await;
    let address = sluice.running.address().unwrap();
    let large = " ".repeat(256 * 1024 + 1);
    for (how, request) in [
        ("in chunks", chunked(&large, 16 * 1024)),
        ("without an end", chunked(&" ".repeat(4 * 1024 * 1024), 64 * 1024).trim_end_matches("0\r\n\r\n").to_owned()),
        ("with its length", format!("{HEAD}content-length: {}\r\n\r\n{large}", large.len())),
        // The answer comes without a byte of the body.
        ("only announced", format!("{HEAD}content-length: 1000000000000\r\n\r\n")),
        ("after a question", format!("{HEAD}content-length: 300000\r\nexpect: 100-continue\r\n\r\n")),
    ] {
        let answers = exchange(address, request).await;
        let [answer] = answers.as_slice() else { panic!("{how}: {answers:?}") };
        assert_eq!((answer.status, answer.header("content-type")), (413, Some("application/problem+json")), "{how}");
    }
    assert_eq!(keys(&sluice.redis).await, [""; 0]);
}

/// It would else keep one of the requests that the host has in hand for as long as the client likes.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_waited_for_ten_seconds_and_no_longer() {
    let sluice = Sluice::start().await;
    let answers = exchange(sluice.running.address().unwrap(), format!("{HEAD}content-length: 100\r\n\r\n{{")).await;
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.body.contains("slow-body"), "{answer:?}");
    assert_eq!(keys(&sluice.redis).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let sluice = Sluice::start().await;
    let order = least().to_string();
    let request = format!("{HEAD}content-length: {}\r\nexpect: 100-continue\r\n\r\n{order}", order.len());
    let answers = exchange(sluice.running.address().unwrap(), request).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [100, 202]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_in_mid_body_leaves_nothing() {
    let sluice = Sluice::start().await;
    let address = sluice.running.address().unwrap();
    let order = least().to_string();
    let (half, whole) = (&order[..order.len() / 2], order.len());
    for (how, request) in [
        ("no body", format!("{HEAD}content-length: {whole}\r\n\r\n")),
        ("half of it", format!("{HEAD}content-length: {whole}\r\n\r\n{half}")),
        // What came is a whole order, but more was announced.
        ("all but the last byte", format!("{HEAD}content-length: {}\r\n\r\n{order}", whole + 1)),
        ("no last chunk", chunked(&order, 16).trim_end_matches("0\r\n\r\n").to_owned()),
        ("half a chunk", format!("{HEAD}transfer-encoding: chunked\r\n\r\n{whole:x}\r\n{half}")),
        ("half a head", HEAD.to_owned()),
    ] {
        for _ in 0..5 {
            let mut connection = TcpStream::connect(address).await.unwrap();
            connection.write_all(request.as_bytes()).await.unwrap();
            connection.shutdown().await.unwrap();
            let mut rest = Vec::new();
            // Once the server has closed its side too, it is done with the request.
            _ = tokio::io::AsyncReadExt::read_to_end(&mut connection, &mut rest).await;
            assert!(!String::from_utf8_lossy(&rest).contains(" 202 "), "{how}");
        }
    }
    assert_eq!(keys(&sluice.redis).await, [""; 0]);
    sluice.place(&least()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_wait_for_the_answer_has_placed_its_order_all_the_same() {
    let sluice = Sluice::start().await;
    let order = least().to_string();
    let request = format!("{HEAD}content-length: {}\r\nidempotency-key: cart-4711\r\n\r\n{order}", order.len());
    let mut connection = TcpStream::connect(sluice.running.address().unwrap()).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    // It may be dropped before it is read; then the shop's second try places it. Either way it is one order.
    drop(connection);
    let answer = sluice.post(&least(), Some("cart-4711")).await;
    assert_eq!(answer.status(), 202);
    sluice.until(body_of(&answer)["id"].as_str().unwrap(), "confirmed").await;
    let stats = eventually("the queue to be empty", async || {
        let total: Option<u64> = sluice.redis.raw().await.hget("{orders}:totals", "orders:confirmed").await.unwrap();
        total
    })
    .await;
    assert_eq!(stats, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_orders_go_over_one_connection() {
    let sluice = Sluice::start().await;
    let stream = TcpStream::connect(sluice.running.address().unwrap()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut ids = BTreeSet::new();
    // An instance answers 128 requests, so the connection outlives two of them.
    for _ in 0..200 {
        sender.ready().await.unwrap();
        let mut request = post(least().to_string());
        request.headers_mut().insert("host", "shop.test".parse().unwrap());
        let answer = sender.send_request(request.map(Full::new)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert!(!answer.headers().contains_key("connection"));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        ids.insert(answer["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 200);
    assert!(!connection.is_finished(), "the connection is still open");
    for id in ids.iter().step_by(40) {
        sluice.until(id, "confirmed").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_at_once_on_one_connection_are_answered_in_turn() {
    let sluice = Sluice::start().await;
    let address = sluice.running.address().unwrap();
    let order = least().to_string();
    let kept = HEAD.replace("connection: close\r\n", "");
    let good = format!("{kept}content-length: {}\r\n\r\n{order}", order.len());
    let bad = format!("{kept}content-length: 2\r\n\r\n{{}}");
    let last = format!("GET /orders/{NOBODY} HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n");
    let answers = exchange(address, [good.as_str(), &bad, &good, &last].concat()).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [202, 422, 202, 404]);
    assert!(answers.iter().all(|answer| answer.header("content-length").is_some() && !answer.body.is_empty()));
}
