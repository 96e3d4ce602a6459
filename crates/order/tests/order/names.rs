//! Names by which people and programs find a thing again: an article, an order, a parcel.

use crate::sample::{full, id, with};
use order::{BodyFault, ChangeKind, ChangeRequest, Command, NewOrder, Sku, limits};
use serde_json::{Value, json};

/// What is said of a character that can't be seen.
fn unseen(character: char) -> String {
    let code = u32::from(character);
    format!("must not contain the character U+{code:04X}, which can't be seen or can't be told from a space")
}

fn sku_of(body: &str) -> String {
    NewOrder::parse(body.as_bytes()).unwrap().lines()[0].sku.to_string()
}

fn fault(body: &str) -> (String, String) {
    match NewOrder::parse(body.as_bytes()) {
        Err(BodyFault::Invalid(faults)) => (faults[0].pointer.clone(), faults[0].detail.to_string()),
        other => panic!("{body}: {other:?}"),
    }
}

const UNSEEN: [char; 34] = [
    '\0',
    '\t',
    '\n',
    '\u{7f}',
    '\u{85}',
    '\u{a0}',
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{115f}',
    '\u{17b4}',
    '\u{180e}',
    '\u{2000}',
    '\u{200b}',
    '\u{200d}',
    '\u{200e}',
    '\u{2028}',
    '\u{202f}',
    '\u{202e}',
    '\u{2060}',
    '\u{2066}',
    '\u{2800}',
    '\u{3000}',
    '\u{3164}',
    '\u{e000}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{ffa0}',
    '\u{fff9}',
    '\u{378}',
    '\u{1d159}',
    '\u{e0041}',
    '\u{e0100}',
    '\u{10fffd}',
];

#[test]
fn one_article_has_one_name_however_its_letters_are_composed() {
    for (written, kept) in [
        ("CAFE\u{301}-1", "CAF\u{c9}-1"),
        ("CAF\u{c9}-1", "CAF\u{c9}-1"),
        ("A\u{30a}", "\u{c5}"),
        ("\u{212b}", "\u{c5}"),
        ("o\u{323}\u{302}", "\u{1ed9}"),
        ("o\u{302}\u{323}", "\u{1ed9}"),
        ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
        ("\u{958}", "\u{915}\u{93c}"),
        ("TEA-GREEN-100", "TEA-GREEN-100"),
        ("CUP/红 1📦", "CUP/红 1📦"),
    ] {
        assert_eq!(sku_of(&with("/lines/0/sku", json!(written))), kept, "{written}");
        assert_eq!(Sku::named(written).unwrap().as_str(), kept);
    }
    let [composed, decomposed] = ["CAF\u{c9}", "CAFE\u{301}"].map(|sku| with("/lines/0/sku", json!(sku)));
    let canonical = |body: &str| NewOrder::parse(body.as_bytes()).unwrap().canonical_json();
    assert_eq!(canonical(&composed), canonical(&decomposed), "it is the same order, too");
}

#[test]
fn letter_case_and_look_alikes_are_other_articles() {
    let skus = [
        "CAF\u{c9}-1",
        "caf\u{e9}-1",
        "CAF\u{c9}\u{2011}1",
        "CAF\u{c9}\u{2013}1",
        "\u{421}AF\u{c9}-1",
        "CAF\u{c9}-\u{ff11}",
    ];
    for sku in skus {
        assert_eq!(Sku::named(sku).unwrap().as_str(), sku);
    }
}

#[test]
fn what_can_t_be_seen_is_refused_by_its_number() {
    for character in UNSEEN {
        for text in [format!("A{character}B"), format!("{character}A"), format!("A{character}")] {
            for field in ["/lines/0/sku", "/reference"] {
                assert_eq!(fault(&with(field, json!(text))), (field.to_owned(), unseen(character)), "{text:?}");
            }
            assert_eq!(Sku::named(&text).unwrap_err().to_string(), unseen(character));
            let tracking = json!({"tracking": text}).to_string();
            let error = ChangeRequest::parse(ChangeKind::Fulfil, tracking.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(&unseen(character)), "{error}");
        }
        let email = format!("ann{character}@example.com");
        assert_eq!(fault(&with("/customer/email", json!(email))), ("/customer/email".to_owned(), unseen(character)));
    }
    // They are in names and notes that people write.
    for character in ['\u{a0}', '\u{200d}', '\u{fe0f}'] {
        assert!(NewOrder::parse(with("/lines/0/name", json!(format!("A{character}B"))).as_bytes()).is_ok());
    }
}

#[test]
fn the_length_of_a_name_is_that_of_its_normal_form() {
    let sku = |text: String| with("/lines/0/sku", json!(text));
    assert_eq!(sku_of(&sku("e\u{301}".repeat(limits::SKU))), "é".repeat(limits::SKU));
    // Each of these becomes two characters.
    assert_eq!(fault(&sku("\u{958}".repeat(33))).1, "must have at most 64 characters");
    let line = json!({"sku": "\u{1d160}".repeat(21), "quantity": 1, "unit_price": 1});
    let mut large = full();
    large["lines"] = vec![line; 100].into();
    large["lines"][0]["name"] = Value::Null;
    let body = large.to_string();
    let padded = format!("{body}{}", " ".repeat(limits::BODY_BYTES - body.len()));
    let order = NewOrder::parse(padded.as_bytes()).unwrap();
    assert!(order.canonical_json().as_bytes().len() > body.len());
}

/// Release 0.1 kept names as they came.
#[test]
fn an_order_that_was_accepted_with_such_a_name_is_read_as_it_is() {
    for sku in ["CAFE\u{301}-1", "TEA\u{200b}", "A\u{a0}B"] {
        let order = with("/lines/0/sku", json!(sku));
        let message = format!(r#"{{"v":1,"type":"placed","id":"{}","order":{order}}}"#, id());
        let Ok(Command::Decide(placed)) = Command::decode(message.as_bytes()) else { panic!("{sku:?}") };
        assert_eq!(placed.order.lines()[0].sku.as_str(), sku);
    }
}
