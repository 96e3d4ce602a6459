//! `POST /payments/events`: the payment provider says that something became of a payment. Nothing in its word is
//! believed: it only has the order's message come at once, and the processor ask the provider. So a word that comes
//! twice, too early or too late changes nothing.

use guest::{Problem, Redis, Request, Response, Settings, WordSignature, read_body};
use http::StatusCode;
use order::payment::read_word;
use order::{CommandId, Fault, OrderId, queues};
use queue::Queue;

/// Bytes in the body of a word: an event of the largest providers, with all that they know of the payment.
const BODY_BYTES: usize = 64 * 1024;

pub(crate) async fn hear(request: Request) -> Result<Response, Problem> {
    let settings = Settings::new("listener");
    // Without a secret no signature is good.
    let Some(signers) = settings.word_signers().await? else { return Err(Problem::BadSignature) };
    let signature = WordSignature::of(&request);
    let body = read_body(request, BODY_BYTES).await?;
    if !signature.is_some_and(|signature| signature.is_good(&signers, &body)) {
        return Err(Problem::BadSignature);
    }
    let Some(order) = read_word(&body) else {
        let fault = Fault { pointer: "/order_id".to_owned(), detail: "must be the id of an order, a string".into() };
        return Err(Problem::InvalidRequest(vec![fault]));
    };
    // The provider may work for others too, and tell us of their orders.
    if let Ok(order) = order.parse::<OrderId>() {
        let settings = settings.queue().await?;
        let redis = Redis::for_requests(&settings);
        let placed = Queue::new(&redis, &settings.namespace, queues::PLACED, settings.timing);
        placed.hasten(&CommandId { order, change: None }.to_bytes().into()).await?;
    }
    Ok(Response::json(StatusCode::ACCEPTED, b"{}".to_vec()))
}
