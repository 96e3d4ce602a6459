//! `POST /orders/{id}/cancel` and `/fulfil`: what is wanted of an order that was accepted before. It goes into the queue
//! behind the order, and the processor carries it out; what the order's state has no place for is refused here already.

use guest::{Answer, Request, Settings, read_body};
use http::Method;
use order::command::message_id;
use order::{Change, Head, Illegal, Move, OrderId, Standing, Status, Tracking, Wanted, life};
use queue::{FollowUp, Followed, Place, Whereabouts};

use crate::context::Context;
use crate::place::trace;
use crate::problem::Problem;
use crate::{answer, store};

/// Bytes in the body of a request.
const BODY_BYTES: usize = 16 * 1024;

/// Where the order stands at the door.
enum Present {
    /// It waits to be decided; `needs_attention` where it was given up.
    Undecided(&'static str),
    /// It has a record, whose bytes are these.
    Decided(Standing, Vec<u8>),
}

/// The shop's customer, or support for them, wants the order no more.
pub(crate) async fn cancel(request: Request, id: &str) -> Result<Answer, Problem> {
    let (trace, body) = (trace(&request), body(request).await?);
    let wanted = Wanted::parse_cancel(&body)?;
    accept(Change { id: known(id)?, wanted, trace }).await
}

/// Support says that the order's goods went out.
pub(crate) async fn fulfil(request: Request, id: &str) -> Result<Answer, Problem> {
    Settings::new("intake").check_operator(&request).await?;
    let (trace, body) = (trace(&request), body(request).await?);
    let wanted = Wanted::parse_fulfil(&body)?;
    accept(Change { id: known(id)?, wanted, trace }).await
}

fn known(id: &str) -> Result<OrderId, Problem> {
    id.parse().map_err(|_| Problem::NotFound)
}

/// The body, which may be empty, whatever it is called then.
async fn body(request: Request) -> Result<Vec<u8>, Problem> {
    if request.method() != Method::POST {
        return Err(Problem::MethodNotAllowed { allow: "POST" });
    }
    let is_json = request.is_json();
    let body = read_body(request, BODY_BYTES).await?;
    if body.is_empty() || is_json { Ok(body) } else { Err(Problem::NotJsonType) }
}

async fn accept(change: Change) -> Result<Answer, Problem> {
    let context = Context::get().await?;
    let cancel = message_id(&change.id, Move::Cancel);
    let found = context.placed().find(change.id.as_bytes(), &[change.id.as_bytes(), &cancel]).await?;
    // Goods must not go out for an order whose money may be given back already.
    if change.wanted.as_move() == Move::Fulfil
        && matches!(found.places[1], Some(Place::Queue { .. } | Place::Dead { .. }))
    {
        return Err(Problem::CancelPending);
    }
    let status = match present(change.id, found).await? {
        Present::Undecided(status) => {
            let wanted = change.wanted.as_move();
            if life::next(None, wanted).is_none() {
                return Err(Problem::IllegalMove { present: status, wanted });
            }
            status
        }
        Present::Decided(standing, json) => {
            if is_done(&standing, &change.wanted) {
                return Ok(answer::found(json));
            }
            standing.status.after(change.wanted.as_move())?;
            standing.status.as_str()
        }
    };
    enqueue(&context, &change).await?;
    Ok(answer::change_accepted(&change.id, status, change.wanted.as_move()))
}

/// Whether the order is there already, so that asking again is no fault.
fn is_done(standing: &Standing, wanted: &Wanted) -> bool {
    let same = |tracking: &Option<Tracking>| tracking.is_none() || *tracking == standing.tracking;
    match (standing.status, wanted) {
        (Status::Cancelled, Wanted::Cancel { .. }) => true,
        (Status::Fulfilled, Wanted::Fulfil { tracking }) => same(tracking),
        _ => false,
    }
}

async fn present(id: OrderId, mut found: Whereabouts) -> Result<Present, Problem> {
    if let Some(head) = store::head(&found.head)? {
        let json = record_of(id, head).await?;
        let standing = Standing::from_json(&json).map_err(|error| store::unavailable(error.to_string()))?;
        return Ok(Present::Decided(standing, json));
    }
    match found.places.swap_remove(0) {
        Some(Place::Queue { .. }) => Ok(Present::Undecided("queued")),
        Some(Place::Dead { .. }) => Ok(Present::Undecided("needs_attention")),
        Some(Place::Discarded(_)) => Err(Problem::Discarded),
        None => Err(Problem::NotFound),
    }
}

async fn record_of(id: OrderId, head: Head) -> Result<Vec<u8>, Problem> {
    store::read(id, head).await?.ok_or_else(|| store::unavailable("the order is just changing".to_owned()))
}

async fn enqueue(context: &Context, change: &Change) -> Result<(), Problem> {
    let wanted = change.wanted.as_move();
    let follow_up = FollowUp {
        id: message_id(&change.id, wanted),
        subject: change.id.as_bytes().to_vec(),
        payload: change.encode(),
        recalls: wanted == Move::Cancel,
    };
    match context.placed().follow(follow_up).await? {
        Followed::New | Followed::Waiting => Ok(()),
        Followed::Dead => Err(Problem::ChangeGivenUp { id: change.id, wanted }),
    }
}

impl From<Illegal> for Problem {
    fn from(Illegal { present, wanted }: Illegal) -> Self {
        Self::IllegalMove { present: present.as_str(), wanted }
    }
}

impl From<queue::Error> for Problem {
    fn from(error: queue::Error) -> Self {
        store::unavailable(error.to_string())
    }
}
