//! `GET /orders`: what is listed, to whom, and page by page.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::access::{api_keys, call, discarded, place, until, without_a_provider};
use crate::harness::{Sluice, an_order, json as body_of, start_with, unattended};

/// What a caller is told who asks for orders.
async fn ask(sluice: &Sluice, name: &str, query: &str) -> Response<Bytes> {
    call(sluice, name, "GET", &format!("/orders{query}"), &Value::Null).await
}

async fn page(sluice: &Sluice, name: &str, query: &str) -> Value {
    let answer = ask(sluice, name, query).await;
    assert_eq!(answer.status(), 200, "{name} {query}: {answer:?}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    body_of(&answer)
}

fn ids(page: &Value) -> Vec<&str> {
    page["orders"].as_array().unwrap().iter().map(|order| order["id"].as_str().unwrap()).collect()
}

async fn listed(sluice: &Sluice, name: &str, query: &str) -> Vec<String> {
    ids(&page(sluice, name, query).await).into_iter().map(str::to_owned).collect()
}

/// The ids of all pages, one after the other. Between two of them `meanwhile` happens.
async fn pages(sluice: &Sluice, name: &str, query: &str, meanwhile: impl AsyncFn()) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = page(sluice, name, &format!("{query}{cursor}")).await;
        all.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { return all };
        cursor = format!("&cursor={next}");
        meanwhile().await;
    }
}

async fn place_of(sluice: &Sluice, name: &str, email: &str, reference: &str) -> String {
    let mut order = an_order();
    (order["customer"]["email"], order["reference"]) = (email.into(), reference.into());
    let answer = call(sluice, name, "POST", "/orders", &order).await;
    assert_eq!(answer.status(), 202, "{answer:?}");
    body_of(&answer)["id"].as_str().unwrap().to_owned()
}

/// Places orders by one request, and gives their ids.
async fn place_many(sluice: &Sluice, name: &str, orders: usize) -> Vec<String> {
    let answer = call(sluice, name, "POST", "/orders/batch", &json!({"orders": vec![an_order(); orders]})).await;
    let items = body_of(&answer);
    items["orders"].as_array().unwrap().iter().map(|item| item["order"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_is_listed_to_those_who_may_see_it_and_as_it_is_shown_alone() {
    let sluice = Sluice::with(&[("api_keys", &api_keys())]).await;
    let mut placed = Vec::new();
    for name in ["webshop", "outlet", "webshop", "olga"] {
        let id = place(&sluice, name).await;
        until(&sluice, &id, "confirmed").await;
        placed.insert(0, id);
    }
    let [olgas, newer, outlets, older] = &placed[..] else { panic!("{placed:?}") };
    for (name, expected) in [
        ("webshop", vec![newer, older]),
        ("outlet", vec![outlets]),
        ("wall", vec![olgas, newer, outlets, older]),
        ("ann", vec![olgas, newer, outlets, older]),
        ("olga", vec![olgas, newer, outlets, older]),
    ] {
        for query in ["", "?email=ada@example.com", "?reference=cart-4711", "?status=confirmed"] {
            let page = page(&sluice, name, query).await;
            assert_eq!((ids(&page), &page["next"]), (expected.iter().map(|id| id.as_str()).collect(), &Value::Null));
            for order in page["orders"].as_array().unwrap() {
                let alone = ask(&sluice, name, &format!("/{}", order["id"].as_str().unwrap())).await;
                assert_eq!(*order, body_of(&alone), "{name} {query}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_found_wherever_it_stands() {
    let keys = api_keys();
    let door = Sluice::with(&[]).await;
    let redis = door.redis.clone();
    door.running.stop().await;
    let check = async |sluice: &Sluice, id: &str, status: &str| {
        for query in [String::new(), format!("?status={status}"), "?email=ADA@example.com".to_owned()] {
            let page = page(sluice, "webshop", &query).await;
            assert_eq!((ids(&page), &page["orders"][0]["status"]), (vec![id], &status.into()), "{query}");
        }
        assert_eq!(listed(sluice, "webshop", "?status=fulfilled").await, [""; 0]);
        assert_eq!(listed(sluice, "outlet", "?email=ada@example.com").await, [""; 0]);
    };
    // It waits, because nobody works.
    let door = Sluice::on(redis.clone(), unattended(&[("api_keys", &keys)])).await;
    let id = place(&door, "webshop").await;
    check(&door, &id, "queued").await;
    door.running.stop().await;

    let sluice = Sluice::on(redis.clone(), start_with(&without_a_provider(&keys))).await;
    sluice.attend().await;
    until(&sluice, &id, "needs_attention").await;
    check(&sluice, &id, "needs_attention").await;
    sluice.running.stop().await;

    let sluice = Sluice::on(redis, start_with(&[("api_keys", &keys)])).await;
    call(&sluice, "olga", "POST", "/dead-letters/placed/redrive", &json!({"ids": [id]})).await;
    until(&sluice, &id, "confirmed").await;
    check(&sluice, &id, "confirmed").await;
    call(&sluice, "webshop", "POST", &format!("/orders/{id}/cancel"), &Value::Null).await;
    until(&sluice, &id, "cancelled").await;
    check(&sluice, &id, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_discarded_is_listed_to_its_shop_and_has_no_customer_any_more() {
    let (sluice, id) = discarded().await;
    for (name, query, expected) in [
        ("webshop", "", &[id.as_str()][..]),
        ("webshop", "?status=discarded", &[&id]),
        ("outlet", "", &[]),
        ("ann", "?status=discarded", &[&id]),
        ("ann", "?email=ada@example.com", &[]),
    ] {
        assert_eq!(listed(&sluice, name, query).await, expected, "{name} {query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_parameter_leaves_out_what_does_not_fit() {
    let sluice = Sluice::with(&[("api_keys", &api_keys())]).await;
    let mut all = Vec::new();
    for (email, reference) in
        [("ada@example.com", "1 a"), ("Ada@Example.com", "2"), ("bob+tea@example.com", "2"), ("bob@example.com", "3")]
    {
        let id = place_of(&sluice, "webshop", email, reference).await;
        all.push((until(&sluice, &id, "confirmed").await, id));
    }
    call(&sluice, "ann", "POST", &format!("/orders/{}/fulfil", all[0].1), &Value::Null).await;
    until(&sluice, &all[0].1, "fulfilled").await;
    let time = |at: usize| all[at].0["created_at"].as_str().unwrap();
    for (query, expected) in [
        ("email=ada@example.com".to_owned(), &[1, 0][..]),
        ("email=ADA%40example.COM&reference=2".to_owned(), &[1]),
        ("email=bob+tea@example.com".to_owned(), &[2]),
        ("email=bob%2Btea@example.com".to_owned(), &[2]),
        ("email=eve@example.com".to_owned(), &[]),
        ("reference=2".to_owned(), &[2, 1]),
        ("reference=1+a".to_owned(), &[0]),
        ("reference=1%20a".to_owned(), &[0]),
        ("status=fulfilled".to_owned(), &[0]),
        ("status=confirmed&email=ada@example.com".to_owned(), &[1]),
        (format!("created_from={}", time(1)), &[3, 2, 1]),
        (format!("created_to={}", time(2)), &[1, 0]),
        (format!("created_from={}&created_to={}", time(1), time(3)), &[2, 1]),
        (format!("created_to={}&email=ada@example.com", time(1)), &[0]),
        ("created_from=2026-01-01&created_to=2026-01-02".to_owned(), &[]),
        ("created_from=2026-01-01T00:00:00Z".to_owned(), &[3, 2, 1, 0]),
        ("limit=2".to_owned(), &[3, 2]),
    ] {
        let expected: Vec<_> = expected.iter().map(|at| all[*at].1.clone()).collect();
        for name in ["webshop", "ann"] {
            assert_eq!(listed(&sluice, name, &format!("?{query}")).await, expected, "{name} {query}");
        }
        assert_eq!(listed(&sluice, "outlet", &format!("?{query}")).await, [""; 0], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_gives_each_order_once_though_others_come_meanwhile() {
    let sluice = Sluice::with(&[("api_keys", &api_keys())]).await;
    let mut placed = place_many(&sluice, "webshop", 40).await;
    place_many(&sluice, "outlet", 7).await;
    placed.push(place(&sluice, "webshop").await);
    placed.extend(place_many(&sluice, "webshop", 9).await);
    placed.reverse();
    for query in ["?limit=7", "?limit=7&email=ada@example.com", "?limit=7&reference=cart-4711"] {
        let so_far = listed(&sluice, "webshop", "?limit=1").await.remove(0);
        let meanwhile = async || drop(place_many(&sluice, "webshop", 3).await);
        let all = pages(&sluice, "webshop", query, meanwhile).await;
        assert_eq!(all[0], so_far, "{query}");
        assert_eq!(all[all.len() - placed.len()..], placed, "{query}");
        let new = pages(&sluice, "webshop", "?limit=100", async || ()).await;
        assert!(new.ends_with(&all) && new.len() > all.len(), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_finds_nothing_among_many_says_where_to_go_on() {
    let door = Sluice::with(&[]).await;
    let redis = door.redis.clone();
    door.running.stop().await;
    // All wait, because nobody works.
    let door = Sluice::on(redis, unattended(&[("api_keys", &api_keys())])).await;
    for _ in 0..6 {
        place_many(&door, "webshop", 100).await;
    }
    let first = page(&door, "webshop", "?status=confirmed").await;
    assert_eq!(ids(&first), [""; 0]);
    let next = first["next"].as_str().expect("there are more than it looked at");
    let second = page(&door, "webshop", &format!("?status=confirmed&cursor={next}")).await;
    assert_eq!((ids(&second), &second["next"]), (vec![], &Value::Null));
    assert_eq!(pages(&door, "webshop", "?status=queued&limit=100", async || ()).await.len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_can_not_be_read_is_told_all_its_faults() {
    let sluice = Sluice::with(&[("api_keys", &api_keys())]).await;
    place_many(&sluice, "webshop", 2).await;
    let next = page(&sluice, "webshop", "?limit=1").await["next"].as_str().unwrap().to_owned();
    assert_eq!(
        ids(&page(&sluice, "webshop", &format!("?limit=2&cursor={next}")).await).len(),
        1,
        "the limit may differ"
    );
    for (query, faults) in [
        ("?state=queued", &["state"][..]),
        ("?status=gone", &["status"]),
        ("?limit=0&limit=2", &["limit", "limit"]),
        (
            "?limit=101&email=ada&created_from=yesterday&created_to=2026-13-01",
            &["email", "created_from", "created_to", "limit"],
        ),
        ("?reference=", &["reference"]),
        ("?cursor=next", &["cursor"]),
        ("?cursor=", &["cursor"]),
        (&format!("?cursor={}", &next[1..]), &["cursor"]),
        (&format!("?status=queued&cursor={next}"), &["cursor"]),
    ] {
        let answer = ask(&sluice, "webshop", query).await;
        let problem = body_of(&answer);
        assert_eq!((answer.status().as_u16(), &problem["type"]), (400, &"urn:sluice:problem:malformed-request".into()));
        let errors = problem["errors"].as_array().unwrap();
        let named: Vec<_> = errors.iter().map(|error| error["parameter"].as_str().unwrap()).collect();
        assert_eq!(named, faults, "{query}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_all_orders_are_listed_unless_there_is_an_operator() {
    const KEY: &str = "0123456789abcdef";
    let sluice = Sluice::start().await;
    let id = sluice.place(&an_order()).await;
    let answer = sluice.client.get("/orders").await;
    assert_eq!(ids(&body_of(&answer)), [id]);
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    let id = sluice.place(&an_order()).await;
    assert_eq!(sluice.client.get("/orders").await.status(), 401, "an id is all that shows an order");
    let answer = sluice.operate("GET", "/orders", KEY, &Value::Null).await;
    assert_eq!(ids(&body_of(&answer)), [id]);
}
