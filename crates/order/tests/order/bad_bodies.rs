//! Bodies that are no order, and what is said of each.

use crate::sample::{full, with, without};
use order::{BodyFault, NewOrder, limits};
use serde_json::{Value, json};

/// Asserts the faults of a body: all of them, in order, as pointer and detail.
#[track_caller]
fn check(body: impl AsRef<[u8]>, expected: &[(&str, &str)]) {
    let body = body.as_ref();
    match NewOrder::parse(body) {
        Err(BodyFault::Invalid(faults)) => {
            let found: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.detail.as_ref())).collect();
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(body));
        }
        other => panic!("{}\nis {other:?}", String::from_utf8_lossy(body)),
    }
}

#[track_caller]
fn check_not_json(body: impl AsRef<[u8]>, line: usize, column: usize, detail: &str) {
    match NewOrder::parse(body.as_ref()) {
        Err(BodyFault::NotJson(fault)) => {
            assert_eq!((fault.line, fault.column, fault.detail.as_str()), (line, column, detail));
        }
        other => panic!("{other:?}"),
    }
}

const REQUIRED: &str = "is required";
const UNKNOWN: &str = "is not a known field";
const REPEATED: &str = "is there more than once";
const BLANK: &str = "must not be blank";
const CONTROL: &str = "must not contain control characters, such as a line break or a tab";
const AROUND: &str = "must not begin or end with white space";
const EMAIL: &str = "must be an e-mail address, such as ann@example.com";
const CURRENCY: &str = "must be an ISO 4217 currency code of 3 capitals, such as EUR";
const NO_MONEY: &str = "must be a currency that people pay with, not a fund, a metal or a test code";
const COUNTRY: &str = "must be an ISO 3166-1 country code of 2 capitals, such as DE";
const QUANTITY: &str = "must be from 1 to 1000";
const UNIT_PRICE: &str = "must be from 0 to 1000000000000";
const INTEGER: &str = "must be an integer, written without fraction or exponent";
const MINOR_UNITS: &str =
    "must be an integer in minor units, such as 450 for 4.50, written without fraction or exponent";

#[test]
fn what_is_not_json_is_told_with_its_place() {
    check_not_json("", 1, 0, "the body is empty");
    check_not_json("  \n ", 2, 1, "the body is empty");
    check_not_json("hello", 1, 1, "expected value");
    check_not_json("{\"currency\": \"EUR\",\n}", 2, 1, "trailing comma");
    check_not_json("{\"currency\" \"EUR\"}", 1, 13, "expected `:`");
    check_not_json("{'currency': 1}", 1, 2, "key must be a string");
    check_not_json("{} {}", 1, 4, "trailing characters");
    check_not_json("{\"a\": NaN}", 1, 7, "expected value");
    check_not_json("{\"a\": 01}", 1, 8, "invalid number");
    check_not_json("{\"a\": 1e400}", 1, 11, "number out of range");
    check_not_json("{\"a\": \"\t\"}", 1, 8, "control character (\\u0000-\\u001F) found while parsing a string");
    check_not_json("{\"a\": \"\\ud800\"}", 1, 14, "unexpected end of hex escape");
}

#[test]
fn what_is_no_plain_text_is_told_by_its_name() {
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0";
    let utf_16 = |units: &str, bytes: fn(u16) -> [u8; 2]| units.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let utf_32 = |text: &str| text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<u8>>();
    for (body, word) in [
        (gzip.to_vec(), "gzip"),
        (b"\x28\xb5\x2f\xfd\x20\x02\x11\0\0{}".to_vec(), "zstd"),
        (b"\x78\x9c\xab\xae\x05\0\x01\x75\0\xf9".to_vec(), "deflate"),
        ("\u{feff}{}".into(), "byte order mark (BOM)"),
        (utf_16("\u{feff}{}", u16::to_le_bytes), "UTF-16"),
        (utf_16("\u{feff}{}", u16::to_be_bytes), "UTF-16"),
        (utf_16("{}", u16::to_le_bytes), "UTF-16"),
        (utf_16("{}", u16::to_be_bytes), "UTF-16"),
        (utf_32("{}"), "UTF-32"),
        (utf_32("\u{feff}{}"), "UTF-32"),
        (b"{\"name\": \"M\xfcller\"}".to_vec(), "not UTF-8"),
    ] {
        match NewOrder::parse(&body) {
            Err(BodyFault::NotJson(fault)) => assert!(fault.detail.contains(word), "{word}: {fault}"),
            other => panic!("{word}: {other:?}"),
        }
    }
}

#[test]
fn what_is_json_but_no_object_is_told_so() {
    check("[]", &[("", "must be an object, not an array")]);
    check("null", &[("", "must be an object, not null")]);
    check("3", &[("", "must be an object, not a number")]);
    check("\"order\"", &[("", "must be an object, not a string")]);
    check("true", &[("", "must be an object, not a boolean")]);
}

#[test]
fn what_is_missing_is_named() {
    check("{}", &[("/customer", REQUIRED), ("/currency", REQUIRED), ("/lines", REQUIRED)]);
    for field in ["/customer", "/currency", "/lines"] {
        check(without(field), &[(field, REQUIRED)]);
    }
    for field in ["/customer/email", "/lines/1/sku", "/lines/0/quantity", "/lines/1/unit_price"] {
        check(without(field), &[(field, REQUIRED)]);
        check(with(field, Value::Null), &[(field, REQUIRED)]);
    }
    for field in ["line1", "country"] {
        let field = format!("/shipping_address/{field}");
        check(without(&field), &[(&field, REQUIRED)]);
    }
}

#[test]
fn what_is_unknown_is_named_at_every_level() {
    check(with("/subtotal", json!(2698)), &[("/subtotal", UNKNOWN)]);
    check(with("/customer/mail", json!("x")), &[("/customer/mail", UNKNOWN)]);
    check(with("/lines/1/price", Value::Null), &[("/lines/1/price", UNKNOWN)]);
    check(with("/shipping_address/street", json!("x")), &[("/shipping_address/street", UNKNOWN)]);
    check(with("/Currency", json!("EUR")), &[("/Currency", UNKNOWN)]);
}

#[test]
fn what_is_there_twice_is_named_at_every_level() {
    let body = |extra: &str| full().to_string().replacen('{', &format!("{{{extra},"), 1);
    check(body(r#""currency": "EUR""#), &[("/currency", REPEATED)]);
    check(body(r#""note": null, "note": "x""#), &[("/note", REPEATED), ("/note", REPEATED)]);
    let customer = |inner: &str| with("/customer", json!("?")).replace("\"?\"", inner);
    check(customer(r#"{"email": "a@example.com", "\u0065mail": "b@example.com"}"#), &[("/customer/email", REPEATED)]);
    let metadata = |inner: &str| with("/metadata", json!("?")).replace("\"?\"", inner);
    check(metadata(r#"{"a": "1", "b": "2", "a": "1"}"#), &[("/metadata/a", REPEATED)]);
}

#[test]
fn the_wrong_type_is_named() {
    check(with("/reference", json!(1001)), &[("/reference", "must be a string, not a number")]);
    check(with("/customer", json!("ann@example.com")), &[("/customer", "must be an object, not a string")]);
    check(with("/customer/email", json!(["a@b.de"])), &[("/customer/email", "must be a string, not an array")]);
    check(with("/currency", json!(978)), &[("/currency", "must be a string, not a number")]);
    check(with("/lines", json!({"sku": "A"})), &[("/lines", "must be an array, not an object")]);
    check(with("/lines", json!(["A"])), &[("/lines/0", "must be an object, not a string")]);
    check(with("/lines/0/quantity", json!("2")), &[("/lines/0/quantity", "must be an integer, not a string")]);
    let price = "must be an integer in minor units, such as 450 for 4.50, not a boolean";
    check(with("/lines/0/unit_price", json!(true)), &[("/lines/0/unit_price", price)]);
    check(with("/shipping_address", json!([])), &[("/shipping_address", "must be an object, not an array")]);
    check(with("/note", json!(["x"])), &[("/note", "must be a string, not an array")]);
    check(with("/metadata", json!([["a", "b"]])), &[("/metadata", "must be an object, not an array")]);
    check(with("/metadata/channel", json!(1)), &[("/metadata/channel", "must be a string, not a number")]);
    check(with("/metadata/channel", Value::Null), &[("/metadata/channel", "must be a string, not null")]);
}

#[test]
fn numbers_must_be_integers_within_bounds() {
    let quantity = |raw: &str| with("/lines/1/quantity", json!("?")).replace("\"?\"", raw);
    for raw in ["0", "-1", "1001", "65537", "4294967297", "18446744073709551615", "18446744073709551616", "1e300"] {
        check(quantity(raw), &[("/lines/1/quantity", QUANTITY)]);
    }
    for raw in ["1.0", "1.5", "1e2", "0.1", "-0", "1e-400"] {
        check(quantity(raw), &[("/lines/1/quantity", INTEGER)]);
    }
    let price = |raw: &str| with("/lines/0/unit_price", json!("?")).replace("\"?\"", raw);
    for raw in ["-1", "-9223372036854775808", "-9223372036854775809", "1000000000001", "99999999999999999999999"] {
        check(price(raw), &[("/lines/0/unit_price", UNIT_PRICE)]);
    }
    for raw in ["4.50", "7.49", "1.0", "1e2"] {
        check(price(raw), &[("/lines/0/unit_price", MINOR_UNITS)]);
    }
}

#[test]
fn the_number_of_lines_is_bounded() {
    let line = json!({"sku": "A", "quantity": 1, "unit_price": 1});
    check(with("/lines", json!([])), &[("/lines", "must have 1 to 100 lines, not 0")]);
    check(with("/lines", vec![line; 101].into()), &[("/lines", "must have 1 to 100 lines, not 101")]);
}

#[test]
fn a_total_that_is_too_large_is_a_fault_of_the_lines() {
    let line = json!({"sku": "A", "quantity": 1000, "unit_price": 1_000_000_000_000_u64});
    let total = "must total at most 9007199254740991 minor units";
    check(with("/lines", vec![line.clone(); 10].into()), &[("/lines", total)]);
    check(with("/lines", vec![line; 100].into()), &[("/lines", total)]);
}

#[test]
fn no_text_is_blank() {
    for blank in ["", " ", "\t\n", "\u{a0}\u{3000}"] {
        for field in ["/customer/name", "/shipping_address/city", "/metadata/channel"] {
            check(with(field, json!(blank)), &[(field, BLANK)]);
        }
        if blank.is_ascii() && !blank.contains('\t') {
            check(with("/reference", json!(blank)), &[("/reference", BLANK)]);
            check(with("/lines/0/sku", json!(blank)), &[("/lines/0/sku", BLANK)]);
        }
        check(with("/note", json!(blank)), &[("/note", BLANK)]);
    }
    check(with("/metadata", json!({"": "x"})), &[("/metadata/", "has a name that must not be blank")]);
}

#[test]
fn no_text_has_control_characters() {
    for control in ['\n', '\r', '\t', '\0', '\u{1b}', '\u{7f}', '\u{85}'] {
        let text = json!(format!("a{control}b"));
        for field in ["/customer/phone", "/shipping_address/line2", "/metadata/channel"] {
            check(with(field, text.clone()), &[(field, CONTROL)]);
        }
    }
    let note = "must not contain control characters other than line breaks and tabs";
    for control in ['\r', '\0', '\u{1b}', '\u{7f}', '\u{85}'] {
        check(with("/note", json!(format!("a{control}b"))), &[("/note", note)]);
    }
}

#[test]
fn what_is_compared_has_no_white_space_around() {
    for field in ["/reference", "/lines/0/sku"] {
        check(with(field, json!(" A")), &[(field, AROUND)]);
        check(with(field, json!("A ")), &[(field, AROUND)]);
        check(with(field, json!("A  B")), &[(field, "must not contain two spaces one after the other")]);
    }
    check(
        with("/metadata", json!({"a ": "x"})),
        &[("/metadata/a ", "has a name that must not begin or end with white space")],
    );
}

#[test]
fn email_addresses_are_well_formed() {
    let email = |text: &str| with("/customer/email", json!(text));
    for bad in [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@@example.com",
        "ann@ex@ample.com",
        "ann@.com",
        "ann@example.",
        "ann@example..com",
        ".ann@example.com",
        "ann@-example.com",
        "ann@[127.0.0.1]",
        "a\"b@example.com",
        "<ann@example.com>",
        "ann@example.com,ben@example.com",
    ] {
        check(email(bad), &[("/customer/email", EMAIL)]);
    }
    for bad in ["Ann <ann@example.com>", " <ann@example.com>", "ann@example.com ", "an n@example.com"] {
        check(email(bad), &[("/customer/email", "must not contain white space")]);
    }
    check(email(&format!("{}@example.com", "a".repeat(65))), &[("/customer/email", EMAIL)]);
    let long = format!("ann@{}.com", ["a".repeat(61), "b".repeat(61), "c".repeat(61), "d".repeat(61)].join("."));
    assert_eq!(long.len(), 255);
    check(email(&long), &[("/customer/email", "must have at most 254 bytes")]);
}

#[test]
fn currencies_and_countries_are_those_of_iso() {
    for bad in ["", "eur", "Eur", "EU", "EURO", "€", "EUR ", "978"] {
        check(with("/currency", json!(bad)), &[("/currency", CURRENCY)]);
    }
    for bad in ["ABC", "DEM", "XXQ"] {
        let none = format!("must be an ISO 4217 currency code, such as EUR; {bad} is none");
        check(with("/currency", json!(bad)), &[("/currency", &none)]);
    }
    for bad in ["XXX", "XTS", "XAU", "XDR", "CHE", "CLF"] {
        check(with("/currency", json!(bad)), &[("/currency", NO_MONEY)]);
    }
    for bad in ["", "de", "D", "DEU", "Germany", "276"] {
        check(with("/shipping_address/country", json!(bad)), &[("/shipping_address/country", COUNTRY)]);
    }
    for bad in ["XX", "ZZ", "UK", "EU"] {
        let none = format!("must be an ISO 3166-1 country code, such as DE; {bad} is none");
        check(with("/shipping_address/country", json!(bad)), &[("/shipping_address/country", &none)]);
    }
}

#[test]
fn pointers_are_escaped_and_cut() {
    check(with("/a~1b~0c", json!(1)).replace("a~1b~0c", "a/b~c"), &[("/a~1b~0c", UNKNOWN)]);
    check(with("/metadata/a~1b~0c", json!(1)), &[("/metadata/a~1b~0c", "must be a string, not a number")]);
    check(with("/Größe 📦\"", json!(1)), &[("/Größe 📦\"", UNKNOWN)]);
    check(with("/", json!(1)), &[("/", UNKNOWN)]);
    check(with(&format!("/{}", "é".repeat(100)), json!(1)), &[(&format!("/{}", "é".repeat(100)), UNKNOWN)]);
    check(with(&format!("/{}", "é".repeat(101)), json!(1)), &[(&format!("/{}…", "é".repeat(100)), UNKNOWN)]);
}

#[test]
fn all_faults_are_found_at_once() {
    let body = json!({
        "customer": {"email": "ann", "name": "", "fax": "1"},
        "currency": "euro",
        "lines": [
            {"sku": "A", "quantity": 1, "unit_price": 1},
            {"sku": " B", "quantity": 0, "unit_price": 0.5},
            7,
            {"quantity": 1001, "discount": 0.5, "tax": "1"}
        ],
        "discounts": [{"amount": 1}, {"amount": 1.5, "code": ""}],
        "shipping": {"method": "", "cost": 1},
        "taxes": [{"rate": "19 %", "amount": true}],
        "prices_include_tax": 1,
        "total": "1",
        "shipping_address": {"country": "Germany"},
        "metadata": {"a": 1, "b": ""},
        "coupon": "X"
    });
    check(
        body.to_string(),
        &[
            ("/coupon", UNKNOWN),
            ("/customer/fax", UNKNOWN),
            ("/customer/email", EMAIL),
            ("/customer/name", BLANK),
            ("/currency", CURRENCY),
            ("/lines/1/sku", AROUND),
            ("/lines/1/quantity", QUANTITY),
            ("/lines/1/unit_price", MINOR_UNITS),
            ("/lines/2", "must be an object, not a number"),
            ("/lines/3/sku", REQUIRED),
            ("/lines/3/quantity", QUANTITY),
            ("/lines/3/unit_price", REQUIRED),
            ("/lines/3/discount", MINOR_UNITS),
            ("/lines/3/tax", "must be an integer in minor units, such as 450 for 4.50, not a string"),
            ("/discounts/1/code", BLANK),
            ("/discounts/1/amount", MINOR_UNITS),
            ("/shipping/cost", UNKNOWN),
            ("/shipping/method", BLANK),
            ("/shipping/amount", REQUIRED),
            ("/taxes/0/name", REQUIRED),
            ("/taxes/0/rate", "must be a percentage, such as \"19\" or \"8.875\""),
            ("/taxes/0/amount", "must be an integer in minor units, such as 450 for 4.50, not a boolean"),
            ("/prices_include_tax", "must be true or false, not a number"),
            ("/shipping_address/line1", REQUIRED),
            ("/shipping_address/country", COUNTRY),
            ("/metadata/a", "must be a string, not a number"),
            ("/metadata/b", BLANK),
            ("/total", "must be an integer in minor units, such as 450 for 4.50, not a string"),
        ],
    );
}

#[test]
fn the_list_of_faults_ends() {
    let unknown: Vec<_> = (0..20_000).map(|n| format!("\"{n}\":0")).collect();
    let body = format!("{{{}}}", unknown.join(","));
    match NewOrder::parse(body.as_bytes()) {
        Err(BodyFault::Invalid(faults)) => {
            assert_eq!(faults.len(), limits::FAULTS);
            assert_eq!(faults[99].pointer, "/99");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nesting_ends_where_the_parser_says() {
    let nested = |levels: usize| format!(r#"{{"a": {}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    match NewOrder::parse(nested(126).as_bytes()) {
        Err(BodyFault::Invalid(faults)) => assert_eq!(faults[0].pointer, "/a"),
        other => panic!("{other:?}"),
    }
    check_not_json(nested(127), 1, 133, "recursion limit exceeded");
    check_not_json(nested(100_000), 1, 133, "recursion limit exceeded");
}

#[test]
fn faults_serialise_as_problem_details_list_them() {
    let Err(BodyFault::Invalid(faults)) = NewOrder::parse(with("/currency", json!("eur")).as_bytes()) else {
        panic!("the body is no order");
    };
    assert_eq!(serde_json::to_value(faults).unwrap(), json!([{"pointer": "/currency", "detail": CURRENCY}]));
}

#[test]
fn a_fault_of_the_body_is_a_sentence_for_a_log() {
    let text = |body: &str| NewOrder::parse(body.as_bytes()).unwrap_err().to_string();
    assert_eq!(text("{"), "not JSON: EOF while parsing an object (line 1, column 1)");
    assert_eq!(text("[]"), "the order has faults: the whole must be an object, not an array");
    assert_eq!(
        text(r#"{"x": 1, "y": 1}"#),
        "the order has faults: /x is not a known field; /y is not a known field; /customer is required; and 2 more"
    );
    assert_eq!(text(&" ".repeat(limits::BODY_BYTES + 1)), "the body has more than 262144 bytes");
}

#[test]
fn an_order_is_paid_for_in_one_way_and_a_token_is_plain() {
    let one_way = "must have either token, and customer where the token needs it, or charge_id, and capture where it \
                   is only authorized, or later";
    let by_both = json!({"token": "pm_1", "charge_id": "ch_1"});
    let captured_token = json!({"token": "pm_1", "capture": true});
    let captured_later = json!({"later": true, "capture": true});
    for mixed in [
        json!({}),
        by_both,
        json!({"charge_id": "ch_1", "later": true}),
        json!({"customer": "cus_1"}),
        captured_token,
        captured_later,
        json!({"capture": true}),
    ] {
        check(with("/payment", mixed), &[("/payment", one_way)]);
    }
    let plain = "must be 1 to 4096 visible ASCII characters, without spaces, quotes and \\";
    let long = "x".repeat(limits::PAYMENT_TOKEN + 1);
    for token in ["", "pm 1", "pm\"1", "pm\\1", "pmé", "pm\n", &long] {
        check(with("/payment", json!({"token": token})), &[("/payment/token", plain)]);
    }
    check(with("/payment", json!({"later": false})), &[("/payment/later", "must be true")]);
    check(with("/payment", json!("later")), &[("/payment", "must be an object, not a string")]);
    for good in [json!({"token": "pm_1"}), json!({"token": "pm_1", "customer": "cus_1"}), json!({"charge_id": "ch_1"})]
    {
        let order = NewOrder::parse(with("/payment", good.clone()).as_bytes()).expect("it is an order");
        let canonical: Value = serde_json::from_slice(order.canonical_json().as_bytes()).expect("JSON");
        assert_eq!(canonical["payment"], good);
        assert!(!format!("{order:?}").contains("pm_1"), "{order:?}");
    }
}
