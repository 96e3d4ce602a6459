//! What operators ask for at the desk, read as strictly as an order: all faults at once, each with its pointer.

pub mod told;

use crate::digest::digest;
use crate::fault::BodyFault;
use crate::idempotency_key::IdempotencyKey;
use crate::limits;
use crate::reader::{Value, read_body, yes};
use crate::text::Sku;
use std::num::NonZeroU32;

/// Which dead letters go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redrive {
    /// These.
    Ids(Vec<String>),
    /// All, or all of one class, at most so many each second.
    Some {
        /// The name of the class; `None` for all.
        class: Option<&'static str>,
        /// `None`: all at once.
        per_second: Option<NonZeroU32>,
    },
}

/// What a person decides about a dead letter, for the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The letter.
    pub id: String,
    /// Who decides so.
    pub by: String,
    /// The reason.
    pub why: String,
}

impl Redrive {
    /// Reads `{"ids"}`, `{"class", "per_second"?}` or `{"all", "per_second"?}`; `classes` are the names of all classes.
    ///
    /// # Errors
    /// What is no JSON, or all faults.
    pub fn parse(body: &[u8], classes: &[&'static str]) -> Result<Self, BodyFault> {
        read_body(body, |value| {
            let [ids, class, all, per_second] = value.fields(["ids", "class", "all", "per_second"])?;
            let ids = ids.optional(letter_ids);
            let class = class.optional(|value| value.one_of(classes));
            let all = all.optional(yes);
            // It is read as a number that fits.
            let per_second = per_second.optional(|value| value.integer(1..=limits::REDRIVEN_PER_SECOND));
            let (ids, class, all, per_second) = (ids?, class?, all?, per_second?);
            let per_second = per_second.and_then(|number| NonZeroU32::new(number as u32));
            match (ids, class, all) {
                (Some(_), None, None) if per_second.is_some() => {
                    value.fault("must not have both ids and per_second, which goes with class or all");
                    None
                }
                (Some(ids), None, None) => Some(Self::Ids(ids)),
                (None, class @ Some(_), None) | (None, class @ None, Some(())) => {
                    Some(Self::Some { class, per_second })
                }
                (None, None, None) => {
                    value.fault("must have one of ids, class or all");
                    None
                }
                _ => {
                    value.fault("must not have more than one of ids, class and all");
                    None
                }
            }
        })
    }
}

impl Decision {
    /// Reads `{"id", "by", "why"}`.
    ///
    /// # Errors
    /// What is no JSON, or all faults.
    pub fn parse(body: &[u8]) -> Result<Self, BodyFault> {
        read_body(body, |value| {
            let [id, by, why] = value.fields(["id", "by", "why"])?;
            let id = id.required(|value| value.words(limits::LETTER_ID));
            let by = by.required(|value| line(value, limits::NAME));
            let why = why.required(|value| line(value, limits::REASON));
            Some(Self { id: id?, by: by?, why: why? })
        })
    }
}

/// Reads `{"available"}`: how many pieces are left.
///
/// # Errors
/// What is no JSON, or all faults.
pub fn parse_available(body: &[u8]) -> Result<u64, BodyFault> {
    read_body(body, |value| {
        let [available] = value.fields(["available"])?;
        available.required(|value| value.integer(0..=limits::PIECES))
    })
}

/// Reads `{"by"}`: how many pieces come in, or are taken away.
///
/// # Errors
/// What is no JSON, or all faults.
pub fn parse_by(body: &[u8]) -> Result<i64, BodyFault> {
    read_body(body, |value| {
        let [by] = value.fields(["by"])?;
        by.required(|value| value.signed(limits::PIECES))
    })
}

impl IdempotencyKey {
    /// 128 bits of SHA-256 that stand for the key of a change of stock. An order's key is another one.
    #[must_use]
    pub fn stock_digest(&self) -> [u8; 16] {
        digest(&[b"stock key", self.as_str().as_bytes()])
    }
}

/// 128 bits of SHA-256 that stand for a change of an article's stock.
#[must_use]
pub fn stock_fingerprint(sku: &Sku, by: i64) -> [u8; 16] {
    digest(&[b"stock", sku.as_str().as_bytes(), &by.to_be_bytes()])
}

/// One line, as a record has it.
fn line(value: &Value<'_>, most: usize) -> Option<String> {
    let words = value.words(most)?;
    if words.chars().any(char::is_control) {
        value.fault("must be one line, without control characters");
        return None;
    }
    Some(words)
}

fn letter_ids(value: &Value<'_>) -> Option<Vec<String>> {
    let elements = value.elements()?;
    if elements.len() == 0 {
        value.fault("must have one element or more");
        return None;
    }
    // Each is read, so that one fault doesn't hide the next.
    let ids: Vec<Option<String>> = elements.map(|id| id.words(limits::LETTER_ID)).collect();
    ids.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: std::fmt::Debug>(read: Result<T, BodyFault>) -> Vec<(String, String)> {
        match read {
            Err(BodyFault::Invalid(faults)) => {
                faults.into_iter().map(|fault| (fault.pointer, fault.detail.into_owned())).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    const CLASSES: &[&str] = &["handler", "crash"];

    #[test]
    fn a_redrive_names_its_letters_in_one_of_three_ways() {
        let rate = NonZeroU32::new(10);
        for (body, expected) in [
            (r#"{"ids": ["a", "b"]}"#, Redrive::Ids(vec!["a".to_owned(), "b".to_owned()])),
            (r#"{"class": "crash"}"#, Redrive::Some { class: Some("crash"), per_second: None }),
            (r#"{"class": "crash", "per_second": 10}"#, Redrive::Some { class: Some("crash"), per_second: rate }),
            (r#"{"all": true, "per_second": 10}"#, Redrive::Some { class: None, per_second: rate }),
        ] {
            assert_eq!(Redrive::parse(body.as_bytes(), CLASSES).unwrap(), expected);
        }
    }

    #[test]
    fn each_fault_of_a_request_is_told_at_once_by_what_is_wrong() {
        let redrive = |body: &str| told(Redrive::parse(body.as_bytes(), CLASSES));
        for (body, pointer, detail) in [
            ("{}", "", "must have one of ids, class or all"),
            (r#"{"ids": ["a"], "all": true}"#, "", "must not have more than one of ids, class and all"),
            (r#"{"class": "crash", "all": true}"#, "", "must not have more than one of ids, class and all"),
            (r#"{"ids": ["a"], "per_second": 1}"#, "", "must not have both ids and per_second, which goes with"),
            (r#"{"all": false}"#, "/all", "must be true"),
            (r#"{"all": true, "per_second": 0}"#, "/per_second", "must be from 1 to "),
            (r#"{"all": true, "per_second": 1.5}"#, "/per_second", "must be an integer"),
            (r#"{"all": true, "per_sec": 1}"#, "/per_sec", "is not a known field"),
            (r#"{"class": "other"}"#, "/class", "must be one of handler, crash"),
            (r#"{"ids": []}"#, "/ids", "must have one element or more"),
            (r#"{"ids": "a"}"#, "/ids", "must be an array, not a string"),
            (r#"{"ids": ["a", 1]}"#, "/ids/1", "must be a string, not a number"),
            ("[]", "", "must be an object, not an array"),
        ] {
            let faults = redrive(body);
            assert!(
                faults.len() == 1 && faults[0].0 == pointer && faults[0].1.starts_with(detail),
                "{body}: {faults:?}"
            );
        }
        let faults = redrive(r#"{"all": 1, "class": 2, "per_second": 0, "x": 1}"#);
        let pointers: Vec<_> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/x", "/class", "/all", "/per_second"]);

        let faults = told(Decision::parse(br#"{"id": 5, "by": " "}"#));
        let expected = [("/id", "must be a string, not a number"), ("/by", "must have 1 to 200 characters")];
        for ((pointer, detail), (expected_pointer, expected)) in faults.iter().zip(expected) {
            assert!(pointer == expected_pointer && detail.starts_with(expected), "{faults:?}");
        }
        assert_eq!((faults.len(), faults[2].0.as_str()), (3, "/why"));
        let faults = told(Decision::parse(br#"{"id": "x", "by": "ann\u0000", "why": "a\nb"}"#));
        let expected = ["/by", "/why"]
            .map(|pointer| (pointer.to_owned(), "must be one line, without control characters".to_owned()));
        assert_eq!(faults, expected);
    }

    #[test]
    fn pieces_are_counted_within_a_limit_that_the_fault_names() {
        for (body, pieces) in [("0", 0), ("1125899906842624", limits::PIECES)] {
            assert_eq!(parse_available(format!(r#"{{"available": {body}}}"#).as_bytes()).unwrap(), pieces);
        }
        for (body, pieces) in [("-1125899906842624", -(limits::PIECES as i64)), ("7", 7), ("0", 0)] {
            assert_eq!(parse_by(format!(r#"{{"by": {body}}}"#).as_bytes()).unwrap(), pieces);
        }
        for body in ["1125899906842625", "-1125899906842625", "18446744073709551615", "1e30"] {
            let faults = told(parse_by(format!(r#"{{"by": {body}}}"#).as_bytes()));
            assert_eq!(faults[0].1, "must be from -1125899906842624 to 1125899906842624", "{body}");
        }
        assert_eq!(told(parse_available(br#"{"available": -1}"#))[0].1, "must be from 0 to 1125899906842624");
        assert_eq!(told(parse_by(br#"{"by": 1.5}"#))[0].1, "must be an integer, written without fraction or exponent");
    }

    #[test]
    fn the_keys_of_stock_and_of_orders_are_apart_and_each_change_has_a_fingerprint() {
        let key: IdempotencyKey = "cart-4711".parse().unwrap();
        assert_ne!(key.digest(None), key.stock_digest());
        let [tea, mug]: [Sku; 2] = ["TEA-1", "MUG-1"].map(|sku| sku.parse().unwrap());
        let all = [stock_fingerprint(&tea, 1), stock_fingerprint(&tea, -1), stock_fingerprint(&mug, 1)];
        assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
    }
}
