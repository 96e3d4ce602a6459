//! `GET /orders`: the caller's orders, the newest first, a page at a time.

use access::{CallerName, Role};
use guest::{Caller, Problem, Request, Response};
use order::limits::MOST_LISTED;
use order::{Email, OrderId, OrderJson, OrderList, OrderQuery, Reference, Waiting};
use queue::limits::AT_ONCE;
use queue::{END_OF_TIME, ListOf, ListPlace, Listing, Tag};

use crate::answer;
use crate::context::Context;
use crate::find::{Lookup, find_each};
use crate::show::{masked, told};

const _: () = assert!(MOST_LISTED <= AT_ONCE, "one call must list a page");

/// Orders that are looked at for one answer. If fewer of them are asked for, the page is short, and the next one goes
/// on behind them.
const LOOKED_AT: usize = 500;

/// Orders that are looked up at the same time. Each may be large.
const TOGETHER: usize = 20;

/// Bytes of orders behind which a page ends.
const PAGE_BYTES: usize = 1024 * 1024;

/// The time in an order's id is the host's, taken before the order waits for Redis; the list knows Redis's. So far they
/// may be apart: clocks by half of it, and what waits for two calls comes as late as the rest.
const APART_MS: u64 = 10_000;

pub(crate) async fn list(request: &Request, caller: &Caller) -> Result<Response, Problem> {
    // Where only the operator has a key, an order's id is all that shows it to others.
    if caller.role == Role::Shop && caller.name.is_none() {
        return Err(Problem::Unauthorized);
    }
    let query = OrderQuery::parse(request.query()).map_err(Problem::InvalidQuery)?;
    let context = Context::get().await?;
    let mut page = OrderPage { context: &context, query: &query, caller, orders: Vec::new(), bytes: 0 };
    let next = page.fill().await?.map(|ListPlace(place)| query.cursor(place));
    Ok(answer::listed(&OrderList { orders: &page.orders, next: next.as_deref() }))
}

/// A page that is being filled.
struct OrderPage<'a> {
    context: &'a Context,
    query: &'a OrderQuery,
    caller: &'a Caller,
    orders: Vec<Vec<u8>>,
    bytes: usize,
}

/// An order that may be asked for, and its place in the list.
type Candidate = (OrderId, ListPlace);

impl OrderPage<'_> {
    /// Says where the next page begins; `None`: there is nothing more.
    async fn fill(&mut self) -> Result<Option<ListPlace>, Problem> {
        let (mut after, mut looked_at) = (self.query.after.map(ListPlace), 0);
        loop {
            let most = MOST_LISTED.min(LOOKED_AT - looked_at);
            let listed = self.context.placed().list(&self.listing(), after, most).await;
            let listed = listed.map_err(Problem::QueueFailed)?;
            let is_last = listed.len() < most;
            let listed: Vec<_> = listed.iter().filter_map(|(id, at)| Some((OrderId::from_slice(id)?, *at))).collect();
            if let Some(last) = self.add(&listed).await? {
                return Ok(Some(last).filter(|last| !is_last || listed.last().is_some_and(|(_, at)| at != last)));
            }
            looked_at += most;
            after = listed.last().map(|(_, place)| *place).or(after);
            if is_last || self.is_over(&listed) {
                return Ok(None);
            }
            if looked_at >= LOOKED_AT {
                return Ok(after);
            }
        }
    }

    /// Adds those that are asked for. If they fill the page, says where the last one is that was looked at.
    async fn add(&mut self, listed: &[Candidate]) -> Result<Option<ListPlace>, Problem> {
        let mut in_time = listed.iter().filter(|(id, _)| self.query.is_in_time(id.accepted_at()));
        loop {
            let wanted = TOGETHER.min(self.query.limit - self.orders.len());
            let some: Vec<Candidate> = in_time.by_ref().take(wanted).copied().collect();
            let ids: Vec<OrderId> = some.iter().map(|(id, _)| *id).collect();
            if ids.is_empty() {
                return Ok(None);
            }
            for ((id, place), lookup) in some.into_iter().zip(find_each(self.context, &ids).await?) {
                let order = self.told(id, lookup)?;
                if let Some(order) = order.filter(|order| self.query.matches(order, self.not_listed_apart())) {
                    let order = masked(order, self.caller).into_bytes();
                    self.bytes += order.len();
                    self.orders.push(order);
                }
                if self.orders.len() == self.query.limit || self.bytes >= PAGE_BYTES {
                    return Ok(Some(place));
                }
            }
        }
    }

    /// What is listed: of a shop, its own orders alone.
    fn listing(&self) -> Listing<'_> {
        let OrderQuery { created_from, created_to, .. } = self.query;
        let of = match (self.tag(), self.caller.sees_only()) {
            (Some(tag), _) => ListOf::Tag(tag),
            (None, Some(shop)) => ListOf::Owner(shop.as_str()),
            (None, None) => ListOf::All,
        };
        let from = created_from.map_or(0, |from| from.ms().saturating_sub(APART_MS));
        Listing { of, from, till: created_to.map_or(END_OF_TIME, |to| to.ms() + APART_MS) }
    }

    /// Fewer orders share a number than a customer.
    fn tag(&self) -> Option<Tag> {
        let OrderQuery { reference, email, .. } = self.query;
        reference.as_ref().map(Reference::tag).or_else(|| email.as_ref().map(Email::tag)).map(Tag)
    }

    /// The shop whose orders are all that may be shown, where others are among those listed.
    fn not_listed_apart(&self) -> Option<&CallerName> {
        self.caller.sees_only().filter(|_| self.tag().is_some())
    }

    /// Whether what follows was accepted too early.
    fn is_over(&self, listed: &[Candidate]) -> bool {
        let (Some(from), Some((last, _))) = (self.query.created_from, listed.last()) else { return false };
        last.accepted_at().ms() + APART_MS < from.ms()
    }

    /// What is told of an order; `None`: it is gone. One that is damaged keeps no other from being shown.
    fn told(&self, id: OrderId, lookup: Result<Lookup, Problem>) -> Result<Option<OrderJson>, Problem> {
        match lookup.and_then(|lookup| told(id, lookup, self.caller)) {
            Ok(order) => Ok(Some(order)),
            Err(Problem::NoSuchOrder | Problem::Removed { .. }) => Ok(None),
            Err(Problem::RecordUnreadable { .. }) => Ok(Some(OrderJson::unread(id, Waiting::NeedsAttention))),
            Err(problem) => Err(problem),
        }
    }
}
