//! Reading the variable `webhooks`: all faults at once, each with its place in the JSON, what is wrong there, and what
//! to write. Values may be secrets, so none is shown but what can't be one.

use std::fmt;

use http::Uri;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use standardwebhooks::Webhook;

use crate::endpoint::Endpoint;
use crate::nearest::nearest;
use crate::origin::has_good_port;
use crate::webhook_secret::{MOST_SECRETS, signer};

/// Most endpoints. Each change becomes a message for each of them.
const MOST_ENDPOINTS: usize = 32;

/// Most faults that are told. A list may hold any number.
const MOST_FAULTS: usize = 100;

/// The fields of an endpoint.
const FIELDS: [&str; 5] = ["name", "url", "secret", "secrets", "events"];

const FORM: &str = "a JSON list of {\"name\", \"url\", \"secret\", \"events\"?}";

const SECRET_FORM: &str = "write whsec_ and the base64 of 24 to 64 random bytes";

/// An entry of the list, with each field as it was written, also one that was written twice.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Fields(Fields),
    Other(IgnoredAny),
}

struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// Reads the variable. The fault fits behind "the variable webhooks".
pub(crate) fn parse(json: &str) -> Result<Vec<Endpoint>, String> {
    // The error's own text may quote a value.
    let entries: Vec<Entry> = serde_json::from_str(json).map_err(|error| match error.is_data() {
        true => format!("must be {FORM}"),
        false => format!("can't be read at line {}, column {}: it must be {FORM}", error.line(), error.column()),
    })?;
    let mut faults = ListFaults::default();
    if entries.len() > MOST_ENDPOINTS {
        let count = entries.len();
        faults.add("", format!("names {count} endpoints, but at most {MOST_ENDPOINTS} are allowed: remove some"));
    }
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut names: Vec<Option<String>> = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let mut endpoint = Reader { place: format!("webhooks/{index}"), faults: &mut faults };
        let Entry::Fields(fields) = entry else {
            endpoint.fault("", "must be an object: write {\"name\", \"url\", \"secret\", \"events\"?}");
            names.push(None);
            continue;
        };
        let fields = endpoint.known(fields);
        let name = endpoint.name(&fields, &names);
        names.push(name.clone());
        let (url, events, signers) = (endpoint.url(&fields), endpoint.events(&fields), endpoint.signers(&fields));
        if let (Some(name), Some(url)) = (name, url) {
            endpoints.push(Endpoint { name, url, events, signers });
        }
    }
    faults.none().map(|()| endpoints)
}

#[derive(Default)]
struct ListFaults(Vec<String>);

impl ListFaults {
    fn add(&mut self, place: &str, fault: impl fmt::Display) {
        self.0.push(format!("{place}{}{fault}", if place.is_empty() { "" } else { " " }));
    }

    fn none(self) -> Result<(), String> {
        let Self(faults) = self;
        match faults.len() {
            0 => Ok(()),
            1 => Err(format!("has a fault: {}", faults[0])),
            count => {
                let more = count.saturating_sub(MOST_FAULTS);
                let more = if more > 0 { format!("; and {more} more") } else { String::new() };
                let told = &faults[..count.min(MOST_FAULTS)];
                Err(format!("has {count} faults: {}{more}", told.join("; ")))
            }
        }
    }
}

/// Reads the fields of one endpoint. What has a fault is `None`, or empty.
struct Reader<'a> {
    place: String,
    faults: &'a mut ListFaults,
}

/// The fields that an endpoint may have, by name. `null` is the same as no field.
type Known = Vec<(&'static str, Value)>;

fn field<'a>(fields: &'a Known, name: &str) -> Option<&'a Value> {
    fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

impl Reader<'_> {
    fn fault(&mut self, below: &str, fault: impl fmt::Display) {
        self.faults.add(&format!("{}{below}", self.place), fault);
    }

    fn known(&mut self, Fields(fields): Fields) -> Known {
        let mut known: Known = Vec::new();
        for (name, value) in fields {
            match FIELDS.iter().find(|field| **field == name) {
                Some(field) if known.iter().any(|(known, _)| known == field) => {
                    self.fault(&format!("/{field}"), "is there twice: write it once");
                }
                Some(field) => known.push((field, value)),
                None => self.unknown(&name),
            }
        }
        known.retain(|(_, value)| !value.is_null());
        known
    }

    fn unknown(&mut self, name: &str) {
        let advice = match nearest(name, FIELDS) {
            Some(near) => format!("did you mean {near}?"),
            None => "an endpoint has name, url, secret or secrets, and events".to_owned(),
        };
        // A secret may stand where a name should.
        match is_word(name) && name.len() <= LONGEST_FIELD {
            true => self.fault(&format!("/{name}"), format!("is no field: {advice}")),
            false => self.fault("", format!("has a field of another name, which is not shown here: {advice}")),
        }
    }

    fn name(&mut self, fields: &Known, others: &[Option<String>]) -> Option<String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let name = field(fields, "name").and_then(Value::as_str);
        let Some(name) = name.filter(|name| (1..=32).contains(&name.len()) && name.chars().all(plain)) else {
            self.fault("/name", "must be 1 to 32 lower-case letters, digits or hyphens, like erp");
            return None;
        };
        if let Some(first) = others.iter().position(|other| other.as_deref() == Some(name)) {
            self.fault("/name", format!("is {name:?}, as that of webhooks/{first}: give each endpoint its own"));
        }
        Some(name.to_owned())
    }

    fn url(&mut self, fields: &Known) -> Option<Uri> {
        const EXAMPLE: &str = "write the endpoint's address, like https://erp.test/hook";
        let url = match field(fields, "url") {
            None => Err(format!("is missing: {EXAMPLE}")),
            Some(Value::String(url)) => check_url(url).map_err(|fault| format!("{fault}: {EXAMPLE}")),
            Some(_) => Err(format!("must be a string: {EXAMPLE}")),
        };
        url.map_err(|fault| self.fault("/url", fault)).ok()
    }

    fn events(&mut self, fields: &Known) -> Option<Vec<String>> {
        let events = field(fields, "events")?;
        let Some(events) = events.as_array() else {
            self.fault("/events", "must be a list of types of event: leave it out for all of them");
            return None;
        };
        for (index, event) in events.iter().enumerate() {
            if let Some(fault) = event_fault(event) {
                self.fault(&format!("/events/{index}"), fault);
            }
        }
        Some(events.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    fn signers(&mut self, fields: &Known) -> Vec<Webhook> {
        match (field(fields, "secret"), field(fields, "secrets")) {
            (Some(_), Some(_)) => {
                self.fault("", "has \"secret\" and \"secrets\": put all of them into \"secrets\"");
                Vec::new()
            }
            (None, None) => {
                self.fault("/secret", format!("is missing: {SECRET_FORM}"));
                Vec::new()
            }
            (Some(secret), None) => self.signer("/secret", secret).into_iter().collect(),
            (None, Some(Value::Array(secrets))) => {
                if !(1..=MOST_SECRETS).contains(&secrets.len()) {
                    self.fault("/secrets", format!("has {}, but must have 1 to {MOST_SECRETS}", secrets.len()));
                }
                let signers = secrets.iter().enumerate();
                signers.filter_map(|(index, secret)| self.signer(&format!("/secrets/{index}"), secret)).collect()
            }
            (None, Some(_)) => {
                self.fault("/secrets", format!("must be a list of 1 to {MOST_SECRETS} strings"));
                Vec::new()
            }
        }
    }

    fn signer(&mut self, place: &str, secret: &Value) -> Option<Webhook> {
        let signer = secret.as_str().ok_or_else(|| "must be a string".to_owned()).and_then(signer);
        signer.map_err(|fault| self.fault(place, format!("{fault}: {SECRET_FORM}"))).ok()
    }
}

/// The longest name of a field that is shown. No secret of 24 bytes is as short.
const LONGEST_FIELD: usize = 16;

/// Whether it has nothing but letters, `_`, `-` and `.`, as hardly a secret does.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.'))
}

fn check_url(url: &str) -> Result<Uri, String> {
    let url: Uri = url.parse().map_err(|error| format!("can't be read: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err("must begin with https:// or http:// and name a host".to_owned());
    }
    if !has_good_port(&url) {
        return Err("must have a port from 1 to 65535, or none".to_owned());
    }
    Ok(url)
}

fn event_fault(event: &Value) -> Option<String> {
    let event = event.as_str().unwrap_or_default();
    if order::event::is_type(event) {
        return None;
    }
    let types: Vec<_> = order::event::types().collect();
    let advice = match nearest(event, types.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("events are {}", types.join(", ")),
    };
    let is_shown = is_word(event) && !event.contains(|c: char| c.is_ascii_uppercase());
    Some(if is_shown { format!("is {event:?}, which is no event: {advice}") } else { format!("is no event: {advice}") })
}
