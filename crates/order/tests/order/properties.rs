//! What holds for any bytes and any order.

use crate::sample::{self, unpaid};
use order::{BodyFault, Command, NewOrder, OrderId, Placed, Record, RecordName, Timestamp, decide, event, limits};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A text of 1 to 8 characters that need escapes, more than one byte, or a `~` in pointers.
fn word() -> impl Strategy<Value = String> {
    "[A-Za-z0-9\"\\\\/~ é红📦]{0,6}[A-Z~]"
}

/// A word without white space around, or two spaces in a row.
fn name() -> impl Strategy<Value = String> {
    word().prop_map(|word| word.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn line() -> impl Strategy<Value = Value> {
    let price = prop_oneof![0..10_000_u64, Just(limits::UNIT_PRICE)];
    let beside = (option::of(share()), option::of(0..10_000_u64));
    (name(), option::of(word()), 1..=limits::QUANTITY, price, beside).prop_map(
        |(sku, name, quantity, unit_price, (off, tax))| {
            let discount = off.map(|off| off.of(u64::from(quantity) * unit_price));
            json!({
                "sku": sku, "name": name, "quantity": quantity, "unit_price": unit_price, "discount": discount,
                "tax": tax
            })
        },
    )
}

/// A part of an amount, often none or all of it.
fn share() -> impl Strategy<Value = Share> {
    prop_oneof![Just(0), Just(1000), 0..=1000_u64].prop_map(Share)
}

#[derive(Debug, Clone, Copy)]
struct Share(u64);

impl Share {
    fn of(self, amount: u64) -> u64 {
        u64::try_from(u128::from(amount) * u128::from(self.0) / 1000).unwrap()
    }
}

/// An integer of a body; nothing counts as 0.
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn total_of(list: &Value, amount: impl Fn(&Value) -> u64) -> u64 {
    list.as_array().map_or(0, |list| list.iter().map(amount).sum())
}

/// What lines and shipping of a body cost, before its own discounts.
fn cost(body: &Value) -> u64 {
    let price = |line: &Value| number(&line["quantity"]) * number(&line["unit_price"]) - number(&line["discount"]);
    total_of(&body["lines"], price) + number(&body["shipping"]["amount"])
}

/// What is beside the lines: shipping, two discounts as shares of what they are taken off, how much tax there is beside
/// that of the lines, and whether prices include it.
fn beside() -> impl Strategy<Value = Beside> {
    let shipping = option::of((option::of(word()), 0..10_000_u64));
    let discount = (option::of(name()), option::of(word()), share());
    let tax = option::of((word(), option::of("(0|[1-9][0-9]{0,2})([.][0-9]{1,6})?"), 0..10_000_u64));
    (shipping, vec(discount, 0..3), tax, option::of(any::<bool>()))
}

type Beside = (Option<(Option<String>, u64)>, Vec<Off>, Option<(String, Option<String>, u64)>, Option<bool>);
type Off = (Option<String>, Option<String>, Share);

/// Adds what is beside the lines, so that all of it fits, and the total.
fn priced(mut body: Value, (shipping, discounts, tax, included): Beside) -> Value {
    body["shipping"] = shipping.map_or(Value::Null, |(method, amount)| json!({"method": method, "amount": amount}));
    let mut left = cost(&body);
    let mut discount = |(code, name, share): Off| {
        let amount = share.of(left);
        left -= amount;
        json!({"code": code, "name": name, "amount": amount})
    };
    body["discounts"] = discounts.into_iter().map(&mut discount).collect();
    let of_lines = total_of(&body["lines"], |line| number(&line["tax"]));
    let tax = tax.map(|(name, rate, more)| json!({"name": name, "rate": rate, "amount": of_lines + more}));
    let of_order = tax.as_ref().map_or(of_lines, |tax| number(&tax["amount"]));
    body["taxes"] = tax.into_iter().collect();
    body["prices_include_tax"] = included.map(|included| included && of_order <= left).into();
    body["total"] = if body["prices_include_tax"] == true { left } else { left + of_order }.into();
    body
}

fn address() -> impl Strategy<Value = Value> {
    (option::of(word()), word(), option::of(word()), word(), option::of(word()), word()).prop_map(
        |(name, line1, line2, city, region, postal_code)| {
            json!({
                "name": name, "line1": line1, "line2": line2, "city": city, "region": region,
                "postal_code": postal_code, "country": "AT"
            })
        },
    )
}

/// A body that is an order: absent fields are null.
fn order() -> impl Strategy<Value = Value> {
    let customer = ("[a-z]{1,8}@[a-z]{1,8}\\.com", option::of(word()), option::of(word()));
    let currency = prop::sample::select(vec!["EUR", "JPY", "KWD"]);
    let reference = option::of(name());
    let metadata = btree_map(name(), word(), 0..4);
    (reference, customer, currency, vec(line(), 1..9), option::of(address()), option::of(word()), metadata, beside())
        .prop_map(|(reference, (email, name, phone), currency, lines, address, note, metadata, beside)| {
            let body = json!({
                "reference": reference, "customer": {"email": email, "name": name, "phone": phone},
                "currency": currency, "lines": lines, "shipping_address": address, "note": note, "metadata": metadata
            });
            priced(body, beside)
        })
}

/// Writes the same JSON in another way: members in another order, null members there or not, white space and escapes
/// here and there.
struct Rewriter {
    choices: std::iter::Cycle<std::vec::IntoIter<u8>>,
}

impl Rewriter {
    fn new(mut choices: Vec<u8>) -> Self {
        choices.push(1);
        Self { choices: choices.into_iter().cycle() }
    }

    fn choose(&mut self, from: usize) -> usize {
        usize::from(self.choices.next().unwrap()) % from
    }

    fn value(&mut self, value: &Value) -> String {
        let space = ["", " ", "\n\t"][self.choose(3)];
        let text = match value {
            Value::Object(members) => self.object(members),
            Value::Array(elements) => {
                let elements: Vec<_> = elements.iter().map(|element| self.value(element)).collect();
                format!("[{}]", elements.join(","))
            }
            Value::String(text) => self.string(text),
            other => other.to_string(),
        };
        format!("{space}{text}{space}")
    }

    fn object(&mut self, members: &Map<String, Value>) -> String {
        let mut written = Vec::new();
        for (name, value) in members {
            if value.is_null() && self.choose(2) == 0 {
                continue;
            }
            let member = format!("{}:{}", self.string(name), self.value(value));
            written.insert(self.choose(written.len() + 1), member);
        }
        format!("{{{}}}", written.join(","))
    }

    fn string(&mut self, text: &str) -> String {
        let mut written = String::from("\"");
        for character in text.chars() {
            if self.choose(4) == 0 {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    written.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                let quoted = Value::from(character.to_string()).to_string();
                written.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        written.push('"');
        written
    }
}

/// Everything that reads bytes; none of it may panic.
fn read_all(bytes: &[u8]) {
    if let Err(BodyFault::Invalid(faults)) = NewOrder::parse(bytes) {
        assert!((1..=limits::FAULTS).contains(&faults.len()), "a refusal says why");
    }
    let _ = Command::decode(bytes);
    let _ = Record::from_json(bytes);
    let _ = event::read(bytes);
    let _ = RecordName::parse(bytes);
    let _ = OrderId::from_slice(bytes);
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = text.parse::<OrderId>();
        let _ = text.parse::<Timestamp>();
        let _ = text.parse::<order::Email>();
        let _ = text.parse::<order::Note>();
        let _ = text.parse::<order::Currency>();
        let _ = text.parse::<order::Country>();
        let _ = text.parse::<order::IdempotencyKey>();
    }
}

fn id() -> impl Strategy<Value = OrderId> {
    (0..=limits::TIMESTAMP_MS, any::<[u8; 10]>()).prop_map(|(ms, random)| OrderId::new(Timestamp::from_ms(ms), random))
}

fn parse(body: &Value) -> NewOrder {
    NewOrder::parse(body.to_string().as_bytes()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,60}") {
        read_all(text.as_bytes());
    }

    #[test]
    fn no_damage_to_an_order_makes_a_reader_panic(
        (at, length) in (any::<prop::sample::Index>(), 0..20_usize), instead in vec(any::<u8>(), 0..4),
    ) {
        let body = sample::priced();
        let placed = Placed { order: parse(&body), ..sample::placed() };
        let record = decide(placed.clone(), &unpaid(), sample::noon());
        for whole in [body.to_string().into_bytes(), placed.encode(), event::to_json(&record, None)] {
            let start = at.index(whole.len());
            let mut damaged = whole.clone();
            damaged.splice(start..(start + length).min(whole.len()), instead.iter().copied());
            read_all(&damaged);
        }
        let mut damaged = record.to_json();
        damaged.truncate(at.index(damaged.len()));
        read_all(&damaged);
    }

    #[test]
    fn whoever_writes_the_same_order_otherwise_gets_the_same_canonical_form(
        body in order(), choices in vec(any::<u8>(), 1..99),
    ) {
        let body = body.to_string();
        let other = Rewriter::new(choices).value(&serde_json::from_str(&body).unwrap());
        let order = NewOrder::parse(body.as_bytes()).unwrap();
        let rewritten = NewOrder::parse(other.as_bytes()).unwrap();
        prop_assert_eq!(rewritten.canonical_json(), order.canonical_json(), "{}", other);
    }

    #[test]
    fn the_canonical_form_is_read_as_the_same_order_and_is_no_longer_than_the_body(body in order()) {
        let order = parse(&body);
        let json = order.canonical_json();
        let mut again: Value = serde_json::from_slice(json.as_bytes()).unwrap();
        again["total"] = body["total"].clone();
        prop_assert_eq!(parse(&again), order);
        prop_assert!(json.as_bytes().len() <= body.to_string().len());
    }

    #[test]
    fn messages_are_read_as_they_were_written(body in order(), id in id()) {
        let placed = Placed { id, order: parse(&body), shop: None, trace: None };
        prop_assert_eq!(Command::decode(&placed.encode()), Ok(Command::Decide(placed.into())));
    }

    #[test]
    fn records_and_events_are_read_as_they_were_written(body in order(), id in id(), now in 0..=limits::TIMESTAMP_MS) {
        let record = decide(Placed { id, order: parse(&body), shop: None, trace: None }, &unpaid(), Timestamp::from_ms(now));
        prop_assert_eq!(Record::from_json(&record.to_json()), Ok(record.clone()));
        let event = event::to_json(&record, None);
        prop_assert_eq!(event::read(&event).unwrap().id, format!("{id}.1"));
        let mut erased = record.clone();
        erased.erase(Timestamp::from_ms(now));
        prop_assert_eq!(Record::from_json(&erased.to_json()), Ok(erased.clone()));
        let purged: Value = serde_json::from_slice(&event::without_customer(&event, erased.erased_at().unwrap()).unwrap()).unwrap();
        let mut expected: Value = serde_json::from_slice(&erased.to_json()).unwrap();
        expected["version"] = 1.into();
        prop_assert_eq!(&purged["data"], &expected);
    }

    #[test]
    fn the_total_is_what_its_parts_make(body in order()) {
        let worth = *parse(&body).worth();
        let parts = [worth.subtotal, worth.discount, worth.shipping, worth.tax, worth.total];
        let [subtotal, discount, shipping, tax, total] = parts.map(|part| part.minor_units());
        let of_lines = |amount: fn(&Value) -> u64| total_of(&body["lines"], amount);
        let of = |list: &str| total_of(&body[list], |part| number(&part["amount"]));
        prop_assert_eq!(subtotal, of_lines(|line| number(&line["quantity"]) * number(&line["unit_price"])));
        prop_assert_eq!(discount, of_lines(|line| number(&line["discount"])) + of("discounts"));
        prop_assert_eq!(shipping, number(&body["shipping"]["amount"]));
        let is_by_line = body["taxes"] == json!([]);
        prop_assert_eq!(tax, if is_by_line { of_lines(|line| number(&line["tax"])) } else { of("taxes") });
        let added = if worth.includes_tax { 0 } else { tax };
        prop_assert_eq!(total + discount, subtotal + shipping + added);
        prop_assert!(discount <= subtotal + shipping && total >= added);
    }

    #[test]
    fn a_total_that_is_off_by_any_amount_is_refused_there(mut body in order(), wrong in 0..100_000_u64) {
        let total = number(&body["total"]);
        prop_assume!(wrong != total);
        body["total"] = wrong.into();
        let Err(BodyFault::Invalid(faults)) = NewOrder::parse(body.to_string().as_bytes()) else { panic!("{body}") };
        prop_assert_eq!((faults.len(), faults[0].pointer.as_str()), (1, "/total"));
        let detail = &faults[0].detail;
        prop_assert!(detail.starts_with(&format!("must be {total}, not {wrong}: ")), "{}", detail);
    }

    #[test]
    fn ids_are_read_as_they_were_written_and_sort_by_time(one in id(), other in id()) {
        prop_assert_eq!(one.to_string().parse(), Ok(one));
        prop_assert_eq!(OrderId::from_slice(one.as_bytes()), Some(one));
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        if one.accepted_at() < other.accepted_at() {
            prop_assert!(one < other);
        }
    }

    #[test]
    fn times_are_read_as_they_were_written(ms in 0..=limits::TIMESTAMP_MS) {
        let time = Timestamp::from_ms(ms);
        prop_assert_eq!(time.ms(), ms);
        prop_assert_eq!(time.to_string().len(), 24);
        prop_assert_eq!(time.to_string().parse(), Ok(time));
    }
}
