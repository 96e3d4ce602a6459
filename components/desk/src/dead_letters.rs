//! Dead letters: listing, redriving, discarding and settling them.

use access::Role;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use guest::{Caller, Problem, Redis, Request, Response};
use order::desk::told::{
    DiscardAnswer, LetterPage, Overview, QueueOfLetters, Redriven, SettleAnswer, ShownIncident, ShownLetter,
};
use order::desk::{Decision, Redrive};
use order::means::without_token;
use order::{ChangeKind, CommandId, OrderId, SETTLED_MARK, Timestamp, settled_change, with_masked_emails};
use queue::{Amended, Amendment, Class, DeadLetter, Incident, MessageId, Pace, Queue};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::{answer, parameter, read};

/// Most letters in one answer.
const PAGE: usize = 100;

/// Most letters that one request redrives. It can be sent again for the rest.
const MOST_MOVED: usize = 1000;

/// `GET ?offset=`: a page of dead letters, oldest first.
pub(crate) async fn list(queue: &Queue<'_, Redis>, request: &Request, caller: &Caller) -> Result<Response, Problem> {
    let offset = parameter(request, "offset")?.unwrap_or(0);
    let dead = queue.stats().await?.dead;
    let mut letters = queue.dead_letters(offset, PAGE).await?;
    for letter in &mut letters {
        letter.payload = shown(letter.payload.to_vec(), caller.role).into();
    }
    let letters = letters.iter().map(shown_letter).collect();
    Ok(answer(&LetterPage { dead, offset, letters }))
}

/// What a caller may see of a letter's content.
fn shown(payload: Vec<u8>, role: Role) -> Vec<u8> {
    let payload = without_token(payload);
    if role == Role::Viewer { with_masked_emails(payload) } else { payload }
}

/// `GET /dead-letters`: the queues and lanes that have dead letters.
pub(crate) async fn overview(roots: &[Queue<'_, Redis>]) -> Result<Response, Problem> {
    let mut queues = Vec::new();
    for root in roots {
        queues.extend(in_need(root).await?);
        for lane in root.lanes().await? {
            queues.extend(in_need(&root.lane(&lane)).await?);
        }
    }
    Ok(answer(&Overview { queues }))
}

/// `POST {"ids": […]}`, or `{"class": "handler"}` or `{"all": true}`, these two with `"per_second"?`. Sending it twice
/// redrives once: a letter that was sent back is no dead letter any more.
pub(crate) async fn redrive(queue: &Queue<'_, Redis>, request: Request) -> Result<Response, Problem> {
    let (mut redriven, mut unknown) = (0, Vec::new());
    match read(request, |body| Redrive::parse(body, &Class::ALL.map(Class::name))).await? {
        Redrive::Ids(ids) => {
            let letters: Vec<_> = ids.iter().map(|id| from_shown(id)).collect();
            for (id, was_dead) in ids.into_iter().zip(queue.redrive(&letters).await?) {
                if was_dead {
                    redriven += 1;
                } else {
                    unknown.push(id);
                }
            }
        }
        Redrive::Some { class, per_second } => {
            let class = Class::ALL.into_iter().find(|known| Some(known.name()) == class);
            let pace = per_second.map_or(Pace::AtOnce, Pace::PerSecond);
            redriven = queue.redrive_some(class, pace, MOST_MOVED).await?;
        }
    }
    let dead = queue.stats().await?.dead;
    Ok(answer(&Redriven { redriven, dead, unknown }))
}

/// `POST {"id", "by", "why"}`. The letter is gone for good; who gave it up first, and why, stays.
pub(crate) async fn discard(queue: &Queue<'_, Redis>, request: Request) -> Result<Response, Problem> {
    let Decision { id, by, why } = read(request, Decision::parse).await?;
    let id = from_shown(&id);
    // With the letter goes what tells whose order it was.
    let own = queue.find_own(&id).await?.map(|own| own.payload);
    let noted = own.as_ref().map(|payload| Noted::of(payload));
    let owner = noted.and_then(|noted| noted.shop).unwrap_or_default();
    match queue.discard(&id, &by, &why, owner).await? {
        true => Ok(answer(&DiscardAnswer { discarded: true })),
        false => Err(Problem::NoSuchLetter),
    }
}

/// `POST {"id", "by", "why"}`. The letter's order is cancelled or fulfilled, and the payment provider is asked nothing.
pub(crate) async fn settle(queue: &Queue<'_, Redis>, request: Request) -> Result<Response, Problem> {
    let Decision { id, by, why } = read(request, Decision::parse).await?;
    // An order's own letter is settled by a cancellation as well.
    let (order, change) = id.split_once('/').unwrap_or((&id, "cancel"));
    let order: OrderId = order.parse().map_err(|_| Problem::NoSuchLetter)?;
    let change = match change {
        "cancel" => ChangeKind::Cancel,
        "fulfil" => ChangeKind::Fulfil,
        _ => return Err(Problem::NothingToSettle),
    };
    let [opening, addition] = settled_change(change, order, &by, &why);
    let amendment = Amendment {
        id: CommandId { order, change: Some(change) }.to_bytes().into(),
        subject: MessageId::from(order.as_bytes()).as_subject(),
        opening: &opening,
        mark: SETTLED_MARK,
        addition: &addition,
    };
    match queue.amend(&from_shown(&id), amendment).await? {
        Amended::Sent => Ok(answer(&SettleAnswer { settled: true })),
        Amended::Waiting if change == ChangeKind::Cancel => Err(Problem::CancelPending),
        Amended::Waiting | Amended::Unknown => Err(Problem::NoSuchLetter),
    }
}

/// The queue, if it has any.
async fn in_need(queue: &Queue<'_, Redis>) -> Result<Option<QueueOfLetters>, Problem> {
    let dead = queue.stats().await?.dead;
    Ok((dead > 0).then(|| QueueOfLetters { queue: queue.name().to_owned(), dead }))
}

/// Shows a letter whose payload may be shown.
fn shown_letter(letter: &DeadLetter) -> ShownLetter<'_> {
    let payload: Option<&RawValue> = serde_json::from_slice(&letter.payload).ok();
    ShownLetter {
        id: to_shown(&letter.id),
        buried_at: Timestamp::from_ms(letter.buried_at),
        class: letter.why.class.name(),
        reason: &letter.why.reason,
        deliveries: letter.why.deliveries,
        failures: letter.why.failures,
        crashes: letter.why.crashes,
        attempts: letter.history.iter().map(shown_incident).collect(),
        trace: Noted::of(&letter.payload).trace,
        payload,
        payload_base64: payload.is_none().then(|| BASE64_STANDARD.encode(&*letter.payload)),
    }
}

fn shown_incident(incident: &Incident) -> ShownIncident<'_> {
    let times = Some(incident.given_back).filter(|&times| times > 0);
    ShownIncident {
        at: Timestamp::from_ms(incident.at),
        delivery: incident.delivery,
        class: if times.is_some() { "released" } else { incident.kind.name() },
        reason: incident.reason.as_deref(),
        worker: &incident.worker,
        times,
        since: incident.since.map(Timestamp::from_ms),
    }
}

/// What is noted in a message beside what it is about.
#[derive(Default, Deserialize)]
struct Noted<'a> {
    /// An order's message names its trace in a field of its own, an event in CloudEvents' extension for it.
    #[serde(alias = "traceparent")]
    trace: Option<&'a str>,
    /// Whose key brought the order.
    shop: Option<&'a str>,
}

impl<'a> Noted<'a> {
    /// Of what can't be read, nothing is known.
    fn of(payload: &'a [u8]) -> Self {
        serde_json::from_slice(payload).unwrap_or_default()
    }
}

/// Shows an id: an order's, which is kept as 16 bytes, as a UUID; an event's as the text that it is.
fn to_shown(id: &[u8]) -> String {
    OrderId::from_slice(id).map_or_else(|| String::from_utf8_lossy(id).into_owned(), |id| id.to_string())
}

fn from_shown(id: &str) -> MessageId {
    id.parse().map_or_else(|_| MessageId::from(id), |id: OrderId| MessageId::from(id.as_bytes()))
}
