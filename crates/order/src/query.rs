//! Which orders somebody asks for: the query of a request for many, and whether an order is one of them.

use std::borrow::Cow;
use std::str::FromStr;

use access::CallerName;
use serde::Serialize;

use crate::answers::OrderJson;
use crate::digest::digest;
use crate::email::Email;
use crate::fault::Malformed;
use crate::json::Node;
use crate::limits;
use crate::state::State;
use crate::text::Reference;
use crate::timestamp::Timestamp;

/// Which orders are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderQuery {
    /// Where they stand.
    pub status: Option<State>,
    /// The shop's own number of them.
    pub reference: Option<Reference>,
    /// Whose they are; the case of A to Z makes no difference.
    pub email: Option<Email>,
    /// When the first of them was accepted.
    pub created_from: Option<Timestamp>,
    /// The point in time before which the last of them was accepted.
    pub created_to: Option<Timestamp>,
    /// How many at most.
    pub limit: usize,
    /// The place behind which they are listed.
    pub after: Option<[u8; PLACE]>,
}

/// What is wrong with a query: a parameter, and the rest of a sentence that begins with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ParameterFault {
    /// Its name.
    pub parameter: String,
    /// What to mend.
    pub detail: Cow<'static, str>,
}

/// Bytes of a place in a list.
const PLACE: usize = 12;

const PARAMETERS: [&str; 7] = ["status", "reference", "email", "created_from", "created_to", "limit", "cursor"];

impl OrderQuery {
    /// Reads a query as it stands behind the question mark. All parameters may be left out.
    ///
    /// # Errors
    /// All its faults.
    pub fn parse(query: &str) -> Result<Self, Vec<ParameterFault>> {
        let mut values: [Option<Cow<'_, str>>; PARAMETERS.len()] = Default::default();
        let mut faults = QueryFaults::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match PARAMETERS.iter().position(|known| *known == name) {
                Some(at) if values[at].is_none() => values[at] = Some(value),
                Some(_) => faults.push(&name, "is there more than once"),
                None => faults.push(&name, format!("is not known here, only {}", PARAMETERS.join(", "))),
            }
        }
        let [status, reference, email, created_from, created_to, limit, cursor] = values;
        // A form writes a space as a plus. No address has a space, but some have a plus, and people forget the %2B.
        let email = email.map(|email| email.replace(' ', "+").into());
        let read = Self {
            status: faults.read("status", status, self::status),
            reference: faults.read("reference", reference, str::parse),
            email: faults.read("email", email, str::parse),
            created_from: faults.read("created_from", created_from, time),
            created_to: faults.read("created_to", created_to, time),
            limit: faults.read("limit", limit, self::limit).unwrap_or(limits::LISTED),
            after: None,
        };
        let after = faults.read("cursor", cursor, |cursor| read.place(cursor));
        if faults.0.is_empty() { Ok(Self { after, ..read }) } else { Err(faults.0) }
    }

    /// What goes on behind a place in the list of what this query asks for. It means nothing to any other.
    #[must_use]
    pub fn cursor(&self, place: [u8; PLACE]) -> String {
        let mut bytes = [0; 16];
        bytes[..PLACE].copy_from_slice(&place);
        bytes[PLACE..].copy_from_slice(&self.mark());
        format!("{:032x}", u128::from_be_bytes(bytes))
    }

    fn place(&self, cursor: &str) -> Result<[u8; PLACE], Malformed> {
        let is_ours = cursor.len() == 32 && cursor.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = if is_ours { u128::from_str_radix(cursor, 16).ok() } else { None };
        let bytes = number.map(u128::to_be_bytes).filter(|bytes| bytes[PLACE..] == self.mark());
        let place = bytes.and_then(|bytes| bytes.first_chunk().copied());
        place.ok_or_else(|| Malformed::new("must be the next of an answer to the same query"))
    }

    /// Tells this query from others, however many are asked for.
    fn mark(&self) -> [u8; 16 - PLACE] {
        let time = |time: Option<Timestamp>| time.map_or_else(String::new, |time| time.to_string());
        let parts = [
            self.status.map_or("", State::as_str),
            self.reference.as_ref().map_or("", Reference::as_str),
            &self.email.as_ref().map_or_else(String::new, Email::without_case),
            &time(self.created_from),
            &time(self.created_to),
        ];
        let digest = digest(&parts.map(str::as_bytes));
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// Whether an order that was accepted at this time may be asked for.
    #[must_use]
    pub fn is_in_time(&self, accepted_at: Timestamp) -> bool {
        self.created_from.is_none_or(|from| from <= accepted_at) && self.created_to.is_none_or(|to| accepted_at < to)
    }

    /// Whether all that is told of an order is what is asked for. Of a shop's list, `only` is the shop.
    #[must_use]
    pub fn matches(&self, order: &OrderJson, only: Option<&CallerName>) -> bool {
        let Ok(order) = Node::parse(order.as_bytes()) else { return false };
        let is = |wanted: Option<&str>, name| wanted.is_none_or(|wanted| order.text(name) == Some(wanted));
        let email = || order.member("customer")?.text("email").map(str::to_ascii_lowercase);
        is(self.status.map(State::as_str), "status")
            && is(self.reference.as_ref().map(Reference::as_str), "reference")
            && is(only.map(CallerName::as_str), "shop")
            && self.email.as_ref().is_none_or(|wanted| email() == Some(wanted.without_case()))
    }
}

#[derive(Default)]
struct QueryFaults(Vec<ParameterFault>);

impl QueryFaults {
    fn push(&mut self, parameter: &str, detail: impl Into<Cow<'static, str>>) {
        if self.0.len() < limits::FAULTS {
            let parameter = parameter.chars().take(limits::POINTER_TOKEN_CHARS).collect();
            self.0.push(ParameterFault { parameter, detail: detail.into() });
        }
    }

    fn read<T>(
        &mut self,
        parameter: &str,
        text: Option<Cow<'_, str>>,
        read: impl FnOnce(&str) -> Result<T, Malformed>,
    ) -> Option<T> {
        read(&text?).map_err(|Malformed(detail)| self.push(parameter, detail)).ok()
    }
}

fn status(name: &str) -> Result<State, Malformed> {
    let known = State::all().find(|state| state.as_str() == name);
    known.ok_or_else(|| {
        let names: Vec<_> = State::all().map(State::as_str).collect();
        Malformed::new(format!("must be one of {}", names.join(", ")))
    })
}

fn limit(number: &str) -> Result<usize, Malformed> {
    let most = limits::MOST_LISTED;
    let limit = number.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| Malformed::new(format!("must be from 1 to {most}")))
}

/// A day, or a time with or without a fraction. The first stands for its beginning.
fn time(text: &str) -> Result<Timestamp, Malformed> {
    let form = "must be a time in UTC such as 2026-09-01T12:00:00Z, or a day such as 2026-09-01";
    let whole = match text.len() {
        10 => Some([text, "T00:00:00.000Z"].concat()),
        _ => to_the_millisecond(text),
    };
    whole.and_then(|whole| Timestamp::from_str(&whole).ok()).ok_or_else(|| Malformed::new(form))
}

/// A time with three digits of a second, whatever it had: RFC 3339 lets it have any number.
fn to_the_millisecond(text: &str) -> Option<String> {
    // A form writes a space as a plus, and people forget the %2B.
    let text = ["Z", "+00:00", " 00:00"].iter().find_map(|utc| text.strip_suffix(utc))?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = !fraction.is_empty() && fraction.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| format!("{seconds}.{:0<3.3}Z", fraction))
}
