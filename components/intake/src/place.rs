//! `POST /orders`: from a body to a kept order, in one round trip to Redis.

use std::time::Duration;

use guest::{Caller, Problem, Request, Response, idempotency_key, now_ms, random_bytes, read_body};
use order::limits::BODY_BYTES;
use order::{CommandId, Fault, Means, NewOrder, OrderId, Placed, State, Timestamp, TraceParent};
use queue::{Accept, Accepted, Answered, Error, IdempotencyRecord, MessageId};

use crate::answer;
use crate::context::Context;
use crate::find;
use crate::rates;

pub(crate) async fn place(request: Request, caller: &Caller) -> Result<Response, Problem> {
    if !request.is_json() {
        return Err(Problem::NotJsonType);
    }
    let key = idempotency_key(&request)?;
    rates::check(caller)?;
    let trace = trace(&request);
    let body = read_body(request, BODY_BYTES).await?;
    let order = NewOrder::parse(&body)?;
    let context = Context::get().await?;
    check_means(&order, &context)?;

    let shop = caller.name.as_ref();
    let id = OrderId::new(Timestamp::from_ms(now_ms()), random_bytes());
    let canonical = order.canonical_json();
    let record = key.map(|key| IdempotencyRecord {
        digest: key.digest(shop),
        fingerprint: canonical.digest(),
        ttl: context.idempotency_ttl,
    });
    let payload = Placed::encode_parts(&id, shop, &canonical, trace.as_ref());
    let message_id = CommandId { order: id, change: None }.to_bytes();
    let message = Accept {
        id: message_id.into(),
        payload: payload.into(),
        idempotency: record,
        again: false,
        rate: caller.rate.clone(),
    };
    let accepted = context.together.accept(message, async |messages| accept(&context, messages).await).await;
    let Answered { accepted, allowance } = accepted.map_err(Problem::OrderNotAccepted)?;
    if let (Some(rate), Some(allowance)) = (&caller.rate, allowance) {
        rates::note(rate, allowance);
    }
    match accepted {
        Accepted::New => Ok(answer::accepted(&id, order.answer(&id, State::Queued))),
        Accepted::Replayed(first) => {
            let id = known(&first)?;
            let present = find::look_up(&context, id, caller).await?.state()?;
            Ok(answer::replayed(&id, order.answer(&id, present)))
        }
        Accepted::Conflict(_) => Err(Problem::KeyReused),
        Accepted::Full => Err(Problem::QueueFull),
        Accepted::Limited => Err(Problem::RateLimited { wait: allowance.map_or(Duration::ZERO, |it| it.next) }),
    }
}

/// Refuses an order whose money nobody would take or give back.
fn check_means(order: &NewOrder, context: &Context) -> Result<(), Problem> {
    if context.has_payments || matches!(order.means(), None | Some(Means::Later)) {
        return Ok(());
    }
    let detail = "needs a payment provider, and none is set: have the operator set payment_url, or send \
                  {\"later\": true} and collect the money yourself";
    Err(Problem::InvalidOrder(vec![Fault { pointer: "/payment".to_owned(), detail: detail.into() }]))
}

/// Accepts the messages, in one call. A connection that was kept since an earlier request may have died meanwhile; then
/// a new one is tried, once. Each message has the same id, so it is taken once even if the first try went through.
async fn accept(context: &Context, messages: &[Accept]) -> Result<Vec<Answered>, Error> {
    let kept = context.redis.is_connected();
    let queue = context.placed();
    match queue.accept_together(messages, context.limits).await {
        Err(Error::Failed(_)) if kept => {
            let again: Vec<_> = messages.iter().map(|message| Accept { again: true, ..message.clone() }).collect();
            queue.accept_together(&again, context.limits).await
        }
        accepted => accepted,
    }
}

/// The trace in the request's header. A malformed header is ignored, as W3C Trace Context asks for.
pub(crate) fn trace(request: &Request) -> Option<TraceParent> {
    request.header("traceparent")?.parse().ok()
}

/// The order that has an idempotency key.
fn known(id: &MessageId) -> Result<OrderId, Problem> {
    let unexpected = || Error::Unexpected { script: "accept", detail: "its id is no order's".to_owned() };
    OrderId::from_slice(id).ok_or_else(|| Problem::OrderNotAccepted(unexpected()))
}
