//! `POST /orders`: from a body to a kept order, in one round trip to Redis.

use guest::{Caller, Problem, Request, Response, idempotency_key, read_body};
use order::limits::BODY_BYTES;
use order::{NewOrder, TraceParent};

use crate::answer;
use crate::context::Context;
use crate::incoming::{Incoming, Kept, accept};
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
    let (incoming, message) = Incoming::new(order, key, trace.as_ref(), caller, &context)?;
    let answered = context.together.accept(message, async |messages| accept(&context, messages).await).await;
    let answered = answered.map_err(Problem::OrderNotAccepted)?;
    let Kept { id, is_replayed, json } = incoming.told(&answered, caller, &context).await?;
    Ok(if is_replayed { answer::replayed(&id, json) } else { answer::accepted(&id, json) })
}

/// The trace in the request's header. A malformed header is ignored, as W3C Trace Context asks for.
pub(crate) fn trace(request: &Request) -> Option<TraceParent> {
    request.header("traceparent")?.parse().ok()
}
