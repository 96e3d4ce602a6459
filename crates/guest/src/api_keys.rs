//! The variable `api_keys`, `[{"name", "sha256", "role"}]`: the callers of this application. Several entries of one
//! name are a rotation: each of their keys is good.

use std::fmt::Display;
use std::str::FromStr;

use access::{CallerName, KeyDigest, Role};
use queue::Rate;
use serde::Deserialize;

use crate::settings::{SettingError, Settings};

/// The keys of all callers.
#[derive(Clone, Debug, Default)]
pub struct ApiKeys(Vec<KeyEntry>);

/// A key: its digest, and whose it is.
#[derive(Clone, Debug)]
struct KeyEntry {
    name: CallerName,
    digest: KeyDigest,
    role: Role,
    rate: Option<Rate>,
}

const VARIABLE: &str = "api_keys";

/// The caller whose key is the variable `operator_key`.
pub(crate) const OPERATOR: &str = "operator";

/// Most entries. Each request with a key is compared with all of them.
const MOST_KEYS: usize = 256;

const FORM: &str = "a JSON list of {\"name\", \"sha256\", \"role\", \"per_second\"?, \"burst\"?}";

/// More than any Redis takes.
const MOST_A_SECOND: u32 = 1_000_000;

impl Settings {
    /// The keys of all callers. An error names all faults, and shows no digest.
    pub async fn api_keys(&self) -> Result<ApiKeys, SettingError> {
        let json = self.text(VARIABLE).await?;
        parse(&json).map(ApiKeys).map_err(|fault| self.error(VARIABLE, fault))
    }
}

impl ApiKeys {
    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose key this is. Every entry is looked at, so that the time tells nothing.
    pub(crate) fn caller(&self, key: &str) -> Option<(&CallerName, Role, Option<Rate>)> {
        let digest = KeyDigest::of(key);
        self.0.iter().fold(None, |found, entry| {
            if entry.digest.is(&digest) { Some((&entry.name, entry.role, entry.rate)) } else { found }
        })
    }
}

/// An entry as it was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    name: Option<String>,
    sha256: Option<String>,
    role: Option<String>,
    per_second: Option<u32>,
    burst: Option<u32>,
}

/// The faults of the list, each with its place in the JSON.
#[derive(Default)]
struct KeyFaults(Vec<String>);

impl KeyFaults {
    /// Reads a field that must be there. Its value may be a key that somebody put into the wrong place, so it isn't
    /// shown.
    fn read<T: FromStr<Err: Display>>(&mut self, field: Option<&String>, place: &str, advice: &str) -> Option<T> {
        let value = field.ok_or_else(|| "is missing".to_owned());
        let value = value.and_then(|text| text.trim().parse().map_err(|fault: T::Err| fault.to_string()));
        value.map_err(|fault| self.0.push(format!("{place} {fault}: {advice}"))).ok()
    }

    /// Reads how many orders a second its caller may send, and how many at once. Without the second, as many as the
    /// first.
    fn rate(&mut self, per_second: Option<u32>, burst: Option<u32>, place: &str) -> Option<Rate> {
        for (field, value) in [("per_second", per_second), ("burst", burst)] {
            if value.is_some_and(|value| !(1..=MOST_A_SECOND).contains(&value)) {
                self.0.push(format!("{place}/{field} must be from 1 to {MOST_A_SECOND}: leave it out for no limit"));
            }
        }
        if burst.is_some() && per_second.is_none() {
            self.0.push(format!("{place}/per_second is missing, which goes with burst: write how many a second"));
        }
        Some(Rate { per_second: per_second?, burst: burst.or(per_second)? })
    }

    /// Keys of one name are of one caller, who has one role and one limit.
    fn check_others(&mut self, place: &str, key: &KeyEntry, others: &[KeyEntry]) {
        let KeyEntry { name, digest, role, rate } = key;
        if let Some(other) = others.iter().find(|other| other.name == *name && other.role != *role) {
            let other = other.role;
            self.0
                .push(format!("{place}/role is {role}, but another key of {name} has {other}: a caller has one role"));
        }
        if let Some(other) = others.iter().find(|other| other.name == *name && other.rate != *rate) {
            let words = |rate: &Option<Rate>| match rate {
                Some(Rate { per_second, burst }) => format!("{per_second} a second and {burst} at once"),
                None => "no limit".to_owned(),
            };
            let (rate, other) = (words(rate), words(&other.rate));
            self.0.push(format!("{place} has {rate}, but another key of {name} has {other}: a caller has one limit"));
        }
        if name.as_str() == OPERATOR && *role != Role::Operator {
            self.0.push(format!("{place}/role must be operator: the name belongs to the variable operator_key"));
        }
        if let Some(other) = others.iter().find(|other| other.name != *name && other.digest.is(digest)) {
            self.0.push(format!("{place}/sha256 is that of {} too: give each caller a key of their own", other.name));
        }
    }
}

fn parse(json: &str) -> Result<Vec<KeyEntry>, String> {
    // The error's own text may quote a value.
    let written: Vec<WrittenKey> = serde_json::from_str(json).map_err(|error| {
        format!("can't be read at line {}, column {}: it must be {FORM}", error.line(), error.column())
    })?;
    if written.len() > MOST_KEYS {
        return Err(format!("has {} keys, but at most {MOST_KEYS} are allowed: remove some", written.len()));
    }
    let (mut faults, mut keys) = (KeyFaults::default(), Vec::new());
    for (index, WrittenKey { name, sha256, role, per_second, burst }) in written.iter().enumerate() {
        let place = format!("{VARIABLE}/{index}");
        let name: Option<CallerName> = faults.read(name.as_ref(), &format!("{place}/name"), "write whose key it is");
        let digest = faults.read(sha256.as_ref(), &format!("{place}/sha256"), "`host key NAME ROLE` makes an entry");
        let role = faults.read(role.as_ref(), &format!("{place}/role"), "write what its caller may do");
        let rate = faults.rate(*per_second, *burst, &place);
        if let (Some(name), Some(digest), Some(role)) = (name, digest, role) {
            let key = KeyEntry { name, digest, role, rate };
            faults.check_others(&place, &key, &keys);
            keys.push(key);
        }
    }
    match faults.0.as_slice() {
        [] => Ok(keys),
        [fault] => Err(format!("has a fault: {fault}")),
        faults => Err(format!("has {} faults: {}", faults.len(), faults.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use access::{KeyDigest, Role};

    use super::{ApiKeys, parse};

    fn entry(name: &str, key: &str, role: &str) -> String {
        format!(r#"{{"name": "{name}", "sha256": "{}", "role": "{role}"}}"#, KeyDigest::of(key))
    }

    #[test]
    fn a_key_tells_its_caller_and_several_of_one_name_are_good() {
        let list = [entry("webshop", "one", "shop"), entry("webshop", "two", "shop"), entry("ann", "three", "support")];
        let keys = ApiKeys(parse(&format!("[{}]", list.join(", "))).unwrap());
        let caller = |key| keys.caller(key).map(|(name, role, _)| (name.to_string(), role));
        for key in ["one", "two"] {
            assert_eq!(caller(key), Some(("webshop".to_owned(), Role::Shop)));
        }
        assert_eq!(caller("three"), Some(("ann".to_owned(), Role::Support)));
        assert_eq!(caller("four"), None);
        assert_eq!(caller(""), None);
    }

    #[test]
    fn every_fault_is_told_with_its_place_and_no_value_is_shown() {
        let other = entry("ann", "three", "viewer");
        for (list, told) in [
            ("hunter2".to_owned(), "can't be read at line 1, column 1: it must be a JSON list of"),
            (
                "{}".to_owned(),
                "can't be read at line 1, column 0: it must be a JSON list of {\"name\", \"sha256\", \"role\", ",
            ),
            ("[1]".to_owned(), "can't be read at line 1, column 2: it must be a JSON list of"),
            (
                "[{}]".to_owned(),
                "has 3 faults: api_keys/0/name is missing: write whose key it is; api_keys/0/sha256 is",
            ),
            (format!("[{}]", entry("Hunter2", "a", "shop")), "has a fault: api_keys/0/name must be 1 to 32 lower-case"),
            (
                r#"[{"name": "a", "sha256": "hunter2", "role": "shop"}]"#.to_owned(),
                "has a fault: api_keys/0/sha256 must be the SHA-256",
            ),
            (
                format!("[{}]", entry("a", "a", "admin")),
                "has a fault: api_keys/0/role must be shop, viewer, support or operator",
            ),
            (r#"[{"name": "a", "key": "hunter2"}]"#.to_owned(), "can't be read at line 1, column "),
            (
                format!("[{other}, {}]", entry("ann", "b", "shop")),
                "has a fault: api_keys/1/role is shop, but another key of ann has viewer",
            ),
            (
                format!("[{other}, {}]", entry("bob", "three", "shop")),
                "has a fault: api_keys/1/sha256 is that of ann too",
            ),
            (format!("[{}]", entry("operator", "b", "shop")), "has a fault: api_keys/0/role must be operator"),
        ] {
            let fault = parse(&list).unwrap_err();
            assert!(fault.starts_with(told) && !fault.contains("unter2"), "{list}: {fault}");
        }
        assert!(parse("[]").unwrap().is_empty());
    }

    #[test]
    fn a_key_may_say_how_many_orders_a_second_its_caller_may_send_and_how_many_at_once() {
        let rate = |more: &str| {
            let entry = entry("webshop", "one", "shop").replace('}', &format!("{more}}}"));
            parse(&format!("[{entry}]")).map(|keys| keys[0].rate.map(|rate| (rate.per_second, rate.burst)))
        };
        assert_eq!(rate(""), Ok(None));
        assert_eq!(rate(r#", "per_second": 5"#), Ok(Some((5, 5))));
        assert_eq!(rate(r#", "per_second": 5, "burst": 20"#), Ok(Some((5, 20))));
        for (more, told) in [
            (r#", "burst": 20"#, "api_keys/0/per_second is missing"),
            (r#", "per_second": 0"#, "api_keys/0/per_second must be from 1 to 1000000"),
            (r#", "per_second": 5, "burst": 0"#, "api_keys/0/burst must be from 1 to 1000000"),
            (r#", "per_second": 0.5"#, "can't be read at line 1"),
        ] {
            assert!(rate(more).is_err_and(|fault| fault.contains(told)), "{more}");
        }
        let [one, two] = ["one", "two"].map(|key| entry("webshop", key, "shop"));
        let limited = one.replace('}', r#", "per_second": 5}"#);
        let fault = parse(&format!("[{limited}, {two}]")).unwrap_err();
        let told = "api_keys/1 has no limit, but another key of webshop has 5 a second and 5 at once";
        assert!(fault.contains(told), "{fault}");
    }
}
