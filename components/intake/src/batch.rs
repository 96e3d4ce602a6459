//! `POST /orders/batch`: up to 100 orders in one round trip to Redis, each with its own verdict.

use guest::{Caller, Problem, Request, Response, read_body};
use http::StatusCode;
use order::batch::{BODY_BYTES, BatchAnswer, BatchItem, BatchVerdict, ORDERS, in_body, parse};
use queue::Accept;
use queue::limits::AT_ONCE;
use serde_json::value::RawValue;

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
        told.push(Told::of(kept));
    }
    let answer = BatchAnswer { orders: told.iter().map(Told::verdict).collect() };
    Ok(Response::json(StatusCode::OK, serde_json::to_vec(&answer).expect("JSON and numbers are JSON")))
}

/// What is told of one order: the status, the body and the wait that it would have alone.
struct Told {
    status: StatusCode,
    is_replayed: bool,
    retry_after: Option<u64>,
    /// An order or a problem.
    body: Vec<u8>,
}

impl Told {
    fn of(kept: Result<Kept, Problem>) -> Self {
        match kept {
            Ok(Kept { is_replayed, json, .. }) => {
                Self { status: StatusCode::ACCEPTED, is_replayed, retry_after: None, body: json }
            }
            Err(problem) => {
                let (status, body) = problem.details();
                let retry_after = problem.retry_after(status).and_then(|seconds| seconds.parse().ok());
                Self { status, is_replayed: false, retry_after, body }
            }
        }
    }

    fn verdict(&self) -> BatchVerdict<'_> {
        let body: Option<&RawValue> = serde_json::from_slice(&self.body).ok();
        let (order, problem) = if self.status == StatusCode::ACCEPTED { (body, None) } else { (None, body) };
        BatchVerdict {
            status: self.status.as_u16(),
            idempotency_replayed: self.is_replayed.then_some(true),
            retry_after: self.retry_after,
            order,
            problem,
        }
    }
}
