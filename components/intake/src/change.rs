//! `POST /orders/{id}/cancel` and `/fulfil`, `DELETE /orders/{id}/personal-data`: changes to an order that was accepted
//! before. A change goes into the queue behind the order, and the processor makes it. A change that the order's state
//! doesn't allow is refused here already.

use guest::{Caller, Problem, Request, Response, read_body};
use order::{Change, ChangeKind, ChangeRequest, CommandId, State};
use queue::{FollowUp, Followed, MessageState};

use crate::answer;
use crate::context::Context;
use crate::find;
use crate::place::trace;
use crate::show;

/// Bytes in the body of a request.
const BODY_BYTES: usize = 16 * 1024;

/// The shop's customer, or support for them, calls the order off.
pub(crate) async fn cancel(request: Request, id: &str, caller: &Caller) -> Result<Response, Problem> {
    accept(read(request, id, ChangeKind::Cancel).await?, caller).await
}

/// Support says that the order's goods went out.
pub(crate) async fn fulfil(request: Request, id: &str, caller: &Caller) -> Result<Response, Problem> {
    accept(read(request, id, ChangeKind::Fulfil).await?, caller).await
}

/// An operator has it taken out who the order's customer is.
pub(crate) async fn erase(request: &Request, id: &str, caller: &Caller) -> Result<Response, Problem> {
    let change = Change { id: find::order_id(id)?, request: ChangeRequest::Erase, trace: trace(request) };
    accept(change, caller).await
}

async fn read(request: Request, id: &str, kind: ChangeKind) -> Result<Change, Problem> {
    let (trace, body) = (trace(&request), body(request).await?);
    let request = ChangeRequest::parse(kind, &body)?;
    Ok(Change { id: find::order_id(id)?, request, trace })
}

/// Reads the body. An empty one needs no Content-Type.
async fn body(request: Request) -> Result<Vec<u8>, Problem> {
    let is_json = request.is_json();
    let body = read_body(request, BODY_BYTES).await?;
    if body.is_empty() || is_json { Ok(body) } else { Err(Problem::NotJsonType) }
}

async fn accept(change: Change, caller: &Caller) -> Result<Response, Problem> {
    let context = Context::get().await?;
    let order = find::look_up(&context, change.id, caller).await?;
    // Goods must not go out for an order whose money may be given back already.
    if change.kind() == ChangeKind::Fulfil
        && matches!(order.cancel, Some(MessageState::Queued { .. } | MessageState::Dead { .. }))
    {
        return Err(Problem::CancelPending);
    }
    let present = order.state()?;
    if change.kind() == ChangeKind::Erase && present == State::NeedsAttention {
        return Err(Problem::Undecided);
    }
    if let (ChangeKind::Erase, Some(MessageState::Discarded(discarded))) = (change.kind(), &order.own)
        && discarded.redacted.is_some()
    {
        return Ok(answer::found(show::discarded(change.id, discarded)));
    }
    let mut is_paid = false;
    if let Some(stored) = order.stored {
        let standing = stored.standing()?;
        if change.request.is_made(&standing) {
            return Ok(answer::found(stored.into_json()?.without_words()));
        }
        is_paid = standing.is_paid;
    }
    present.allows(change.kind())?;
    if change.kind() == ChangeKind::Fulfil && is_paid && matches!(order.cancel, Some(MessageState::Discarded(_))) {
        return Err(Problem::RefundUnknown);
    }
    enqueue(&context, &change).await?;
    Ok(answer::change_accepted(&change, present))
}

async fn enqueue(context: &Context, change: &Change) -> Result<(), Problem> {
    let id = CommandId { order: change.id, change: Some(change.kind()) };
    let follow_up = FollowUp {
        id: id.to_bytes().into(),
        subject: find::subject(change.id),
        payload: change.encode().into(),
        recalls: change.kind() == ChangeKind::Cancel,
    };
    match context.placed().follow(follow_up).await.map_err(Problem::QueueFailed)? {
        Followed::New | Followed::Waiting => Ok(()),
        Followed::Dead => Err(Problem::ChangeGivenUp(id)),
    }
}
