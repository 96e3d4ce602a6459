//! Everything that can be wrong with a request to one of the components, and how it is told: RFC 9457 problem details.

use std::time::Duration;

use access::Role;
use http::StatusCode;
use order::{BodyFault, CommandId, Fault, Illegal, NotJson, ParameterFault, State, Status};
use serde::Serialize;

use crate::body::BodyError;
use crate::foreign_encoding::ForeignEncoding;
use crate::log;
use crate::problem_kind::{self as kind, ProblemKind};
use crate::response::Response;
use crate::retry_after::in_whole_seconds;
use crate::settings::SettingError;

/// Why a request was not fulfilled.
#[derive(Clone, Debug)]
pub enum Problem {
    /// The shop's door has no such route, or there is no such order.
    NoSuchOrder,
    /// The desk has no such route, queue or article.
    NothingAtTheDesk,
    /// The route exists with other methods.
    MethodNotAllowed {
        /// The methods that it has.
        allow: String,
    },
    /// The path has a slash at its end, or one beside another.
    EmptySegment {
        /// The path without its empty segments.
        named: String,
    },
    /// The body is not declared as JSON.
    NotJsonType,
    /// The body is declared to be something else than plain UTF-8.
    Encoded(ForeignEncoding),
    /// The body is longer than allowed.
    TooLarge {
        /// The most bytes that are allowed.
        most: usize,
    },
    /// The connection ended before the body did.
    UnreadableBody,
    /// The body did not arrive in time.
    SlowBody,
    /// The body is not JSON.
    NotJson(NotJson),
    /// The body is JSON, but no order. Lists every fault.
    InvalidOrder(Vec<Fault>),
    /// What the desk is asked for is JSON, but breaks its rules. Lists every fault.
    InvalidRequest(Vec<Fault>),
    /// The Idempotency-Key is malformed, or there are several.
    MalformedKey,
    /// The Idempotency-Key came with another body before.
    KeyReused,
    /// The Idempotency-Key came with another change of stock before.
    StockKeyReused,
    /// No key was sent, or one that is nobody's.
    Unauthorized,
    /// A key was sent that was cut short, or mistyped.
    DamagedKey,
    /// The caller's role is not one of those that the route is for.
    Forbidden {
        /// The caller's.
        role: Role,
        /// Those that it is for.
        roles: &'static [Role],
    },
    /// The payment provider's word is not signed, or not as it should be.
    BadSignature,
    /// An event is not signed by Stripe, or not as it should be.
    BadStripeSignature,
    /// The order's state allows no such change.
    IllegalMove(Illegal),
    /// The same change was asked for before and given up: a person must look at it.
    ChangeGivenUp(CommandId),
    /// The order is about to be cancelled, so it must not be fulfilled.
    CancelPending,
    /// The order is a dead letter, which holds its customer.
    Undecided,
    /// The order is older than orders are kept that have ended.
    Removed {
        /// Days that one is kept.
        days: u64,
    },
    /// The queue has no such dead letter.
    NoSuchLetter,
    /// A host has named the endpoint that was to be removed within the last minute.
    EndpointInUse,
    /// The dead letter moves no money.
    NothingToSettle,
    /// The order's cancellation was tried and then discarded, so its money may be given back.
    RefundUnknown,
    /// The order's record or its head is lost or damaged. Trying again doesn't help.
    RecordUnreadable {
        /// The damage.
        why: String,
    },
    /// A later release wrote the order's record, and this build can't read it.
    WrittenLater {
        /// What this build doesn't know in it.
        why: String,
    },
    /// The query asks for no orders that can be listed. Lists every fault.
    InvalidQuery(Vec<ParameterFault>),
    /// The request asks for nothing that the desk can do.
    MalformedRequest {
        /// The fault of the request.
        why: String,
    },
    /// The article has no stock entry.
    Untracked,
    /// More was to be taken out of stock than is left.
    NotEnoughStock {
        /// The number of pieces left.
        left: u64,
    },
    /// More pieces would be left than may be.
    TooMuchStock {
        /// The number of pieces left.
        left: u64,
    },
    /// Too many orders wait, or one for too long. Nothing was accepted.
    QueueFull,
    /// The caller has sent as many orders as they may.
    RateLimited {
        /// How long until they may send the next.
        wait: Duration,
    },
    /// Redis failed while an order was accepted. Nothing was accepted, as far as can be known.
    OrderNotAccepted(queue::Error),
    /// Redis failed at the shop's door.
    QueueFailed(queue::Error),
    /// Redis failed at the desk.
    RedisFailed(queue::Error),
    /// The key-value store failed.
    StoreFailed {
        /// How.
        why: String,
    },
    /// An event of Stripe did not get to the listener.
    EventNotPassedOn {
        /// How it failed.
        why: String,
    },
    /// A variable is wrong. Nothing works until it is mended.
    Misconfigured(SettingError),
}

impl Problem {
    /// The kind of problem, and a sentence or two that say what is wrong this time and what to do.
    pub fn describe(&self) -> (&'static ProblemKind, String) {
        match self {
            Self::NoSuchOrder => (
                kind::NOT_FOUND,
                "No such route or order. Send orders to POST /orders, and read each at the Location of its answer."
                    .to_owned(),
            ),
            Self::NothingAtTheDesk => (
                kind::NOT_FOUND,
                "The desk has /dead-letters, /dead-letters/{queue} with /redrive, /discard and (of placed) /settle, \
                 /endpoints/{name}, /metrics and /stock/{sku}. Queues are placed, changes and, once something was put \
                 there, placed.superseded and changes.{endpoint}."
                    .to_owned(),
            ),
            Self::MethodNotAllowed { allow } => (kind::METHOD_NOT_ALLOWED, format!("Use {allow}.")),
            Self::EmptySegment { named } => (
                kind::NOT_FOUND,
                format!(
                    "No path here has a slash at its end, or two in a row: use {named}. A slash that belongs to a SKU \
                     is written %2F."
                ),
            ),
            Self::Encoded(encoding) => (kind::UNSUPPORTED_MEDIA_TYPE, plain(encoding)),
            Self::NotJsonType => {
                (kind::UNSUPPORTED_MEDIA_TYPE, "Send the header Content-Type: application/json.".to_owned())
            }
            Self::TooLarge { most } => {
                (kind::TOO_LARGE, format!("The body of this request may have at most {most} bytes."))
            }
            Self::UnreadableBody => {
                (kind::UNREADABLE_BODY, "The connection ended before the body did. Send the request again.".to_owned())
            }
            Self::SlowBody => (kind::SLOW_BODY, "Send the request again, and its body without a pause.".to_owned()),
            Self::NotJson(NotJson { line, column, detail }) => {
                (kind::NOT_JSON, format!("Line {line}, column {column}: {detail}."))
            }
            Self::InvalidOrder(faults) => (kind::INVALID_ORDER, faults_in_short(faults)),
            Self::InvalidRequest(faults) => (kind::INVALID_REQUEST, faults_in_short(faults)),
            Self::MalformedKey => {
                let most = order::limits::IDEMPOTENCY_KEY_CHARS;
                (kind::MALFORMED_KEY, format!("Send one Idempotency-Key of 1 to {most} visible ASCII characters."))
            }
            // Whoever guesses a key must not learn which order has it: an id is all that protects its order.
            Self::KeyReused => {
                (kind::KEY_REUSED, "It came with another body before. Use a new key for a new order.".to_owned())
            }
            Self::StockKeyReused => (
                kind::KEY_REUSED,
                "It came with another change of stock before. Use a new key for a new change.".to_owned(),
            ),
            Self::Unauthorized => {
                let text = "Send the header Authorization: Bearer with a key that is in use here.";
                (kind::UNAUTHORIZED, text.to_owned())
            }
            Self::DamagedKey => {
                let text = "The key was cut short or mistyped: it has a slip. Copy it again as a whole.";
                (kind::UNAUTHORIZED, text.to_owned())
            }
            Self::Forbidden { role, roles } => (kind::FORBIDDEN, not_for(*role, roles)),
            Self::BadSignature => (
                kind::BAD_SIGNATURE,
                "Sign the body as Standard Webhooks says, at the present time and with the secret in \
                 payment_event_secret. While that is empty, no signature is good."
                    .to_owned(),
            ),
            Self::BadStripeSignature => (
                kind::BAD_SIGNATURE,
                "Only Stripe may send events here. Set stripe_event_secret to the signing secret of this endpoint in \
                 Stripe's dashboard: while it is empty, no signature is good."
                    .to_owned(),
            ),
            Self::IllegalMove(Illegal { present: State::Discarded, .. }) => {
                (kind::ILLEGAL_MOVE, "An operator discarded the order.".to_owned())
            }
            Self::IllegalMove(Illegal { present, step }) => {
                let instead = instead(*present);
                (kind::ILLEGAL_MOVE, format!("The order is {present}, and has no way to {step} from there. {instead}"))
            }
            Self::ChangeGivenUp(id) => (kind::CHANGE_GIVEN_UP, given_up(id)),
            Self::CancelPending => (
                kind::CANCEL_PENDING,
                "Its cancellation was accepted and comes first. GET shows what became of it.".to_owned(),
            ),
            Self::Undecided => (
                kind::UNDECIDED,
                "It is a dead letter, and has no record yet. Redrive, cancel or discard it, and send the request again."
                    .to_owned(),
            ),
            Self::Removed { days } => (
                kind::REMOVED,
                format!("Orders are removed so many days after they ended: {days}. This one was, or there never was one."),
            ),
            Self::NoSuchLetter => (
                kind::NOT_FOUND,
                "The queue has no such dead letter. GET /dead-letters/{queue} lists them, and GET /orders/{id} shows \
                 whether its order is cancelled already."
                    .to_owned(),
            ),
            Self::EndpointInUse => (
                kind::ENDPOINT_IN_USE,
                "Take it out of the variable webhooks of every host, and send the request again a minute later."
                    .to_owned(),
            ),
            Self::NothingToSettle => (
                kind::NOTHING_TO_SETTLE,
                "Name the letter of an order, of its cancellation or of its fulfilment: {order}, {order}/cancel or \
                 {order}/fulfil."
                    .to_owned(),
            ),
            Self::RefundUnknown => (
                kind::REFUND_UNKNOWN,
                "Its cancellation was tried and then discarded. Ask for the cancellation again, or settle it at the \
                 desk."
                    .to_owned(),
            ),
            Self::RecordUnreadable { .. } => (
                kind::RECORD_UNREADABLE,
                "Its data can't be read. Tell the operator, because trying again doesn't help.".to_owned(),
            ),
            Self::InvalidQuery(faults) => (kind::MALFORMED_REQUEST, query_faults_in_short(faults)),
            Self::MalformedRequest { why } => (kind::MALFORMED_REQUEST, format!("{why}.")),
            Self::Untracked => (
                kind::UNTRACKED,
                "It sells without limit, or counts as sold out if untracked_stock is reject. Set an entry with PUT \
                 {\"available\": …}."
                    .to_owned(),
            ),
            Self::NotEnoughStock { left } => {
                (kind::NOT_ENOUGH_STOCK, format!("Only {left} are left. Nothing was changed."))
            }
            Self::TooMuchStock { left } => {
                let most = order::limits::PIECES;
                (kind::TOO_MUCH_STOCK, format!("{left} are left, and at most {most} may be. Nothing was changed."))
            }
            Self::QueueFull => (
                kind::QUEUE_FULL,
                "Nothing was accepted. Send the order again after the time in Retry-After.".to_owned(),
            ),
            Self::RateLimited { .. } => (
                kind::RATE_LIMITED,
                "Nothing was accepted. Send fewer orders a second, and this one again after the time in Retry-After."
                    .to_owned(),
            ),
            Self::OrderNotAccepted(_) => (
                kind::UNAVAILABLE,
                "No order can be taken right now. Send the order again with the same key.".to_owned(),
            ),
            Self::QueueFailed(_) => {
                (kind::UNAVAILABLE, "No order can be looked up right now. Send the request again.".to_owned())
            }
            Self::StoreFailed { .. } => {
                (kind::UNAVAILABLE, "The order can't be read right now. Send the request again.".to_owned())
            }
            Self::WrittenLater { .. } => (
                kind::UNAVAILABLE,
                "A later release wrote the order's record, and this host can't read that yet. Send the request again."
                    .to_owned(),
            ),
            Self::EventNotPassedOn { .. } => {
                (kind::UNAVAILABLE, "The event could not be passed on. Send it again.".to_owned())
            }
            Self::RedisFailed(error) => (kind::UNAVAILABLE, format!("{error}. Send the request again.")),
            Self::Misconfigured(error) => (kind::MISCONFIGURED, format!("{error}.")),
        }
    }

    /// The problem of a body that asks the desk for something.
    pub fn in_request(fault: BodyFault) -> Self {
        match fault {
            BodyFault::Invalid(faults) => Self::InvalidRequest(faults),
            other => other.into(),
        }
    }

    /// What only the operator is told, by the log: shops and their customers have no use for Redis's own words.
    fn for_the_log(&self) -> Option<String> {
        match self {
            Self::OrderNotAccepted(error) => Some(format!("An order was not taken: {error}.")),
            Self::QueueFailed(error) => Some(format!("A request was not answered: {error}.")),
            Self::StoreFailed { why } => Some(format!("A request was not answered: the store {why}.")),
            Self::EventNotPassedOn { why } => Some(format!("An event of Stripe was not passed on: {why}.")),
            Self::RecordUnreadable { why } | Self::WrittenLater { why } => {
                Some(format!("An order can't be read: {why}."))
            }
            _ => None,
        }
    }

    /// The response that tells it.
    pub fn into_response(self) -> Response {
        if let Some(line) = self.for_the_log() {
            log::at_most_each_second(&line);
        }
        let (status, body) = self.details();
        let response = Response::of(status, "application/problem+json", body);
        match self.header(status) {
            Some((name, value)) => response.with(name, value),
            None => response,
        }
    }

    /// How long to wait before the request that got this status is sent again, in seconds, if it is worth it.
    pub fn retry_after(&self, status: StatusCode) -> Option<String> {
        self.header(status).filter(|(name, _)| *name == "retry-after").map(|(_, seconds)| seconds)
    }

    /// Its status, and its problem details.
    pub fn details(&self) -> (StatusCode, Vec<u8>) {
        let (kind, detail) = self.describe();
        let details = ProblemDetails {
            kind: format!("urn:sluice:problem:{}", kind.name),
            title: kind.title,
            status: kind.status.as_u16(),
            detail,
            state: self.state(),
            errors: self.errors(),
        };
        (kind.status, serde_json::to_vec(&details).expect("plain strings are JSON"))
    }

    /// Where the order stands, if that is in the way.
    fn state(&self) -> Option<&'static str> {
        match self {
            Self::IllegalMove(illegal) => Some(illegal.present.as_str()),
            _ => None,
        }
    }

    fn errors(&self) -> Option<ShownFaults<'_>> {
        match self {
            Self::InvalidOrder(faults) | Self::InvalidRequest(faults) => Some(ShownFaults::InBody(faults)),
            Self::InvalidQuery(faults) => Some(ShownFaults::InQuery(faults)),
            _ => None,
        }
    }

    fn header(&self, status: StatusCode) -> Option<(&'static str, String)> {
        let (name, value) = match self {
            Self::RateLimited { wait } => {
                return Some(("retry-after", in_whole_seconds(*wait).max(1).to_string()));
            }
            Self::MethodNotAllowed { allow } => Some(("allow", allow.as_str())),
            Self::Unauthorized | Self::DamagedKey => Some(("www-authenticate", "Bearer")),
            Self::BadSignature => Some(("www-authenticate", "Webhook-Signature")),
            Self::BadStripeSignature => Some(("www-authenticate", "Stripe-Signature")),
            Self::Encoded(ForeignEncoding::Coding(_)) => Some(("accept-encoding", "identity")),
            Self::QueueFull => Some(("retry-after", "5")),
            Self::Misconfigured(_) => Some(("retry-after", "30")),
            _ => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(("retry-after", "1")),
        }?;
        Some((name, value.to_owned()))
    }
}

/// What can be done with an order that can't be changed as somebody wants.
fn instead(present: State) -> &'static str {
    match present {
        State::Queued | State::Decided(Status::PaymentPending) => {
            "It can be cancelled now, and fulfilled once it is confirmed."
        }
        State::NeedsAttention => "It can be cancelled, or an operator redrives or discards its dead letter.",
        State::Discarded => "An operator gave it up.",
        State::Decided(Status::Confirmed) => "It can be fulfilled or cancelled.",
        State::Decided(Status::Fulfilled) => "That is final: take goods back, and give money back, outside of Sluice.",
        State::Decided(Status::Cancelled | Status::Rejected) => "That is final: place a new order.",
    }
}

fn not_for(role: Role, roles: &[Role]) -> String {
    let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    format!("Your key has the role {role}. This is for {}.", roles.join(", "))
}

/// A single fault is told whole, because a log may keep no more than this.
fn faults_in_short(faults: &[Fault]) -> String {
    match faults {
        [Fault { pointer, detail }] if pointer.is_empty() => format!("The body {detail}."),
        [Fault { pointer, detail }] => format!("{pointer} {detail}."),
        faults => many_faults(faults.len()),
    }
}

fn query_faults_in_short(faults: &[ParameterFault]) -> String {
    match faults {
        [ParameterFault { parameter, detail }] => format!("{parameter} {detail}."),
        faults => many_faults(faults.len()),
    }
}

fn many_faults(number: usize) -> String {
    format!("{number} things must be mended; see errors.")
}

fn plain(encoding: &ForeignEncoding) -> String {
    match encoding {
        ForeignEncoding::Coding(coding) => {
            format!("Send the body as it is, without Content-Encoding: {coding}.")
        }
        ForeignEncoding::Charset(charset) => {
            format!("Send the body in UTF-8, and without charset={charset} in its Content-Type.")
        }
    }
}

fn given_up(id: &CommandId) -> String {
    format!("It is the dead letter {id} of the queue placed: redrive or discard it there, or settle a cancellation.")
}

/// Problem details as RFC 9457 has them.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Problem"))]
pub(crate) struct ProblemDetails<'a> {
    /// Names the kind of problem for programs; never changes.
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    /// Every single fault, as in the first example of the RFC.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<ShownFaults<'a>>,
}

/// Faults, each with the place where it is.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
enum ShownFaults<'a> {
    InBody(&'a [Fault]),
    InQuery(&'a [ParameterFault]),
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { most } => Self::TooLarge { most },
            BodyError::Interrupted => Self::UnreadableBody,
            BodyError::TooSlow => Self::SlowBody,
            BodyError::Encoded(encoding) => Self::Encoded(encoding),
        }
    }
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge { most: order::limits::BODY_BYTES },
            BodyFault::NotJson(fault) => Self::NotJson(fault),
            BodyFault::Invalid(faults) => Self::InvalidOrder(faults),
        }
    }
}

impl From<Illegal> for Problem {
    fn from(illegal: Illegal) -> Self {
        Self::IllegalMove(illegal)
    }
}

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        Self::Misconfigured(error)
    }
}

impl From<queue::Error> for Problem {
    fn from(error: queue::Error) -> Self {
        Self::RedisFailed(error)
    }
}
