//! An order on its way in: the message that keeps it, and what its shop is told of it.

use std::time::Duration;

use guest::{Caller, Problem, now_ms, random_bytes};
use order::{CommandId, Fault, IdempotencyKey, Means, NewOrder, OrderId, Placed, State, Timestamp, TraceParent};
use queue::{Accept, Accepted, Answered, Error, IdempotencyRecord, MessageId, Owner, Tag};

use crate::context::Context;
use crate::find;
use crate::rates;

/// An order that may be kept.
pub(crate) struct Incoming {
    id: OrderId,
    order: NewOrder,
}

/// An order that is kept, now or since an earlier request.
pub(crate) struct Kept {
    pub(crate) id: OrderId,
    pub(crate) is_replayed: bool,
    /// What its shop is told.
    pub(crate) json: Vec<u8>,
}

impl Incoming {
    /// Gives an order its id, and the message that keeps it, unless nobody would take its money or give it back.
    pub(crate) fn new(
        order: NewOrder,
        key: Option<IdempotencyKey>,
        trace: Option<&TraceParent>,
        caller: &Caller,
        context: &Context,
    ) -> Result<(Self, Accept), Problem> {
        check_means(&order, context)?;
        let shop = caller.name.as_ref();
        let id = OrderId::new(Timestamp::from_ms(now_ms()), random_bytes());
        let canonical = order.canonical_json();
        let idempotency = key.map(|key| IdempotencyRecord {
            digest: key.digest(shop),
            fingerprint: canonical.digest(),
            ttl: context.idempotency_ttl,
        });
        let payload = Placed::encode_parts(&id, shop, &canonical, trace);
        let message = Accept {
            idempotency,
            owner: shop.map(|shop| Owner { name: shop.to_string(), rate: caller.rate }),
            tags: order.tags().map(Tag).collect(),
            ..Accept::new(CommandId { order: id, change: None }.to_bytes().into(), payload.into())
        };
        Ok((Self { id, order }, message))
    }

    /// What became of it.
    pub(crate) async fn told(&self, answered: &Answered, caller: &Caller, context: &Context) -> Result<Kept, Problem> {
        let Answered { accepted, allowance } = answered;
        if let (Some(name), Some(allowance)) = (&caller.name, *allowance) {
            rates::note(name, allowance);
        }
        let kept = |id, is_replayed, state| Kept { id, is_replayed, json: self.order.answer(&id, state) };
        match accepted {
            Accepted::New => Ok(kept(self.id, false, State::Queued)),
            Accepted::Replayed(first) => {
                let id = known(first)?;
                Ok(kept(id, true, find::look_up(context, id, caller).await?.state()?))
            }
            Accepted::Conflict(_) => Err(Problem::KeyReused),
            Accepted::Full => Err(Problem::QueueFull),
            Accepted::Limited => Err(Problem::RateLimited { wait: allowance.map_or(Duration::ZERO, |it| it.next) }),
        }
    }
}

/// Accepts the messages, in one call. A connection that was kept since an earlier request may have died meanwhile; then
/// a new one is tried, once. Each message has the same id, so it is taken once even if the first try went through.
pub(crate) async fn accept(context: &Context, messages: &[Accept]) -> Result<Vec<Answered>, Error> {
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

/// Refuses an order whose money nobody would take or give back.
fn check_means(order: &NewOrder, context: &Context) -> Result<(), Problem> {
    if context.has_payments || matches!(order.means(), None | Some(Means::Later)) {
        return Ok(());
    }
    let detail = "needs a payment provider, and none is set: have the operator set payment_url, or send \
                  {\"later\": true} and collect the money yourself";
    Err(Problem::InvalidOrder(vec![Fault { pointer: "/payment".to_owned(), detail: detail.into() }]))
}

/// The order that has an idempotency key.
fn known(id: &MessageId) -> Result<OrderId, Problem> {
    let unexpected = || Error::Unexpected { script: "accept", detail: "its id is no order's".to_owned() };
    OrderId::from_slice(id).ok_or_else(|| Problem::OrderNotAccepted(unexpected()))
}
