//! `POST /orders/batch`: up to 100 orders in one round trip to Redis, each with its own verdict.

use guest::{Caller, Problem, Request, Response, read_body};
use http::StatusCode;
use order::batch::{BODY_BYTES, BatchItem, in_body, parse};
use queue::Accept;

use crate::context::Context;
use crate::incoming::{Incoming, Kept, accept};
use crate::place::trace;
use crate::rates;

pub(crate) async fn place_all(request: Request, caller: &Caller) -> Result<Response, Problem> {
    if !request.is_json() {
        return Err(Problem::NotJsonType);
    }
    rates::check(caller)?;
    let trace = trace(&request);
    let body = read_body(request, BODY_BYTES).await?;
    let items = parse(&body).map_err(Problem::in_batch)?;
    let context = Context::get().await?;
    let incoming = items.into_iter().enumerate().map(|(index, item)| {
        let BatchItem { key, order } = item.map_err(Problem::InvalidOrder)?;
        Incoming::new(order, key, trace.as_ref(), caller, &context).map_err(|problem| match problem {
            Problem::InvalidOrder(faults) => {
                Problem::InvalidOrder(faults.into_iter().map(|fault| in_body(index, fault)).collect())
            }
            other => other,
        })
    });
    let incoming: Vec<Result<Incoming, Problem>> = incoming.collect();
    let messages: Vec<Accept> = incoming.iter().flatten().map(|order| order.message.clone()).collect();
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
            let wait = problem.retry_after().map(|seconds| format!(r#""retry_after":{seconds},"#)).unwrap_or_default();
            let (status, problem) = problem.details();
            [format!(r#"{{"status":{},{wait}"problem":"#, status.as_u16()).as_bytes(), &problem, b"}"].concat()
        }
    }
}
