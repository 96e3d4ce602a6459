//! `POST /orders/batch`: up to 100 orders in one round trip to Redis, each with its own verdict.

use guest::{Caller, Problem, Request, Response, read_body};
use http::StatusCode;
use order::batch::{BODY_BYTES, BatchItem, ORDERS, in_body, parse};
use queue::Accept;
use queue::limits::AT_ONCE;

use crate::context::Context;
use crate::incoming::{Incoming, Kept, accept};
use crate::place::trace;
use crate::rates;

const _: () = assert!(ORDERS <= AT_ONCE, "one call must take all orders of a batch");

pub(crate) async fn place_all(request: Request, caller: &Caller) -> Result<Response, Problem> {
    if !request.is_json() {
        return Err(Problem::NotJsonType);
    }
    rates::check(caller)?;
    let trace = trace(&request);
    let body = read_body(request, BODY_BYTES).await?;
    let items = parse(&body).map_err(Problem::in_request)?;
    let context = Context::get().await?;
    let mut messages: Vec<Accept> = Vec::new();
    let incoming = items.into_iter().enumerate().map(|(index, item)| {
        let BatchItem { key, order } = item.map_err(Problem::InvalidOrder)?;
        let incoming = Incoming::new(order, key, trace.as_ref(), caller, &context);
        let (incoming, message) = incoming.map_err(|problem| match problem {
            Problem::InvalidOrder(faults) => {
                Problem::InvalidOrder(faults.into_iter().map(|fault| in_body(index, fault)).collect())
            }
            other => other,
        })?;
        messages.push(message);
        Ok(incoming)
    });
    let incoming: Vec<Result<Incoming, Problem>> = incoming.collect();
    let answers = if messages.is_empty() { Ok(Vec::new()) } else { accept(&context, &messages).await };
    let mut answers = answers.map_err(Problem::OrderNotAccepted)?.into_iter();
    let mut told = Vec::new();
    for order in incoming {
        let kept = match order {
            Ok(order) => {
                let answered = answers.next().expect("an answer for each message");
                order.told(&answered, caller, &context).await
            }
            Err(problem) => Err(problem),
        };
        told.push(item(kept));
    }
    let body = [&br#"{"orders":["#[..], &told.join(&b','), b"]}"].concat();
    Ok(Response::json(StatusCode::OK, body))
}

/// What is told of one order: the status, the body and the wait that it would have alone.
fn item(kept: Result<Kept, Problem>) -> Vec<u8> {
    match kept {
        Ok(Kept { is_replayed, json, .. }) => {
            let replayed: &[u8] = if is_replayed { br#""idempotency_replayed":true,"# } else { b"" };
            [br#"{"status":202,"#, replayed, br#""order":"#, &json, b"}"].concat()
        }
        Err(problem) => {
            let (status, details) = problem.details();
            let wait = problem.retry_after(status).map(|seconds| format!(r#""retry_after":{seconds},"#));
            let head = format!(r#"{{"status":{},{}"problem":"#, status.as_u16(), wait.unwrap_or_default());
            [head.as_bytes(), &details, b"}"].concat()
        }
    }
}
