//! What an order is worth: the sums, and what is said of amounts that don't fit together.

use crate::sample::{id, least, noon, parse, priced, unpaid};
use order::{BodyFault, Command, NewOrder, Placed, Record, State, decide, limits};
use serde_json::{Value, json};

/// An order of these lines, each (quantity, unit price, discount, tax), and of what is beside them.
fn order(currency: &str, lines: &[(u64, u64, u64, u64)], beside: Value) -> Value {
    let line = |&(quantity, unit_price, discount, tax): &(u64, u64, u64, u64)| {
        let mut line = json!({"sku": "TEA", "quantity": quantity, "unit_price": unit_price});
        for (name, amount) in [("discount", discount), ("tax", tax)] {
            if amount > 0 {
                line[name] = amount.into();
            }
        }
        line
    };
    let mut order = least();
    order["currency"] = currency.into();
    order["lines"] = lines.iter().map(line).collect();
    order.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
    order
}

#[track_caller]
fn check(order: &Value, [subtotal, discount, shipping, tax, total]: [u64; 5]) {
    let mut told = order.clone();
    told["total"] = total.into();
    let parsed = NewOrder::parse(told.to_string().as_bytes()).unwrap_or_else(|fault| panic!("{order}: {fault}"));
    let worth = parsed.worth();
    let parts = [worth.subtotal, worth.discount, worth.shipping, worth.tax, worth.total].map(|part| part.minor_units());
    assert_eq!(parts, [subtotal, discount, shipping, tax, total], "{order}");
    assert_eq!(parsed.total(), worth.total);
}

/// Asserts the only fault of an order.
#[track_caller]
fn refused(order: &Value, pointer: &str, detail: &str) {
    match NewOrder::parse(order.to_string().as_bytes()) {
        Err(BodyFault::Invalid(faults)) => {
            let found: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.detail.as_ref())).collect();
            assert_eq!(found, [(pointer, detail)], "{order}");
        }
        other => panic!("{order}\nis {other:?}"),
    }
}

const MOST: u64 = limits::TOTAL;

/// The subtotal, the discount, the shipping, the tax and the total.
#[test]
fn an_order_is_worth_its_lines_less_discounts_and_with_shipping_and_the_tax_that_prices_lack() {
    let vat = |amount: u64| json!([{"name": "VAT", "rate": "19", "amount": amount}]);
    let off = |amounts: &[u64]| amounts.iter().map(|amount| json!({"amount": amount})).collect::<Value>();
    let sent = |amount: u64| json!({"amount": amount});
    for (currency, lines, beside, worth) in [
        // One part beside the lines.
        ("EUR", &[(2, 450, 0, 0), (1, 1200, 0, 0)][..], json!({}), [2100, 0, 0, 0, 2100]),
        ("EUR", &[(2, 450, 0, 0)], json!({"shipping": sent(490)}), [900, 0, 490, 0, 1390]),
        ("EUR", &[(2, 450, 0, 0)], json!({"discounts": off(&[90, 10])}), [900, 100, 0, 0, 800]),
        ("EUR", &[(2, 450, 100, 0), (1, 50, 50, 0)], json!({}), [950, 150, 0, 0, 800]),
        ("EUR", &[(2, 450, 0, 0)], json!({"taxes": vat(171)}), [900, 0, 0, 171, 1071]),
        ("EUR", &[(2, 450, 0, 171), (1, 100, 0, 7)], json!({}), [1000, 0, 0, 178, 1178]),
        // Prices that include the tax.
        ("EUR", &[(2, 450, 0, 0)], json!({"taxes": vat(144), "prices_include_tax": true}), [900, 0, 0, 144, 900]),
        ("EUR", &[(2, 450, 0, 144)], json!({"prices_include_tax": true}), [900, 0, 0, 144, 900]),
        ("EUR", &[(2, 450, 0, 144)], json!({"prices_include_tax": false}), [900, 0, 0, 144, 1044]),
        ("EUR", &[(2, 450, 0, 900)], json!({"prices_include_tax": true}), [900, 0, 0, 900, 900]),
        // The taxes of the order have those of the lines in them, and here that of shipping too.
        ("EUR", &[(2, 450, 0, 171)], json!({"taxes": vat(264), "shipping": sent(490)}), [900, 0, 490, 264, 1654]),
        ("EUR", &[(2, 450, 0, 171)], json!({"taxes": vat(171)}), [900, 0, 0, 171, 1071]),
        ("EUR", &[(1, 100, 0, 19)], json!({"taxes": vat(19), "prices_include_tax": true}), [100, 0, 0, 19, 100]),
        // All together.
        (
            "EUR",
            &[(2, 450, 100, 0)],
            json!({"discounts": off(&[80]), "shipping": sent(490), "taxes": vat(230)}),
            [900, 180, 490, 230, 1440],
        ),
        // Tax of more than the price, as on tobacco.
        ("EUR", &[(1, 100, 0, 250)], json!({}), [100, 0, 0, 250, 350]),
        // Nothing: for nothing, all off, and shipping off as well.
        ("EUR", &[(3, 0, 0, 0)], json!({}), [0, 0, 0, 0, 0]),
        ("EUR", &[(2, 450, 900, 0)], json!({}), [900, 900, 0, 0, 0]),
        ("EUR", &[(2, 450, 400, 0)], json!({"discounts": off(&[500])}), [900, 900, 0, 0, 0]),
        ("EUR", &[(2, 450, 0, 0)], json!({"shipping": sent(490), "discounts": off(&[1390])}), [900, 1390, 490, 0, 0]),
        ("EUR", &[(1, 0, 0, 0)], json!({"shipping": sent(0), "taxes": vat(0), "discounts": off(&[0])}), [0; 5]),
        // Yen have no decimals, and Kuwaiti dinars three: 1.234 + 0.500 + 0.087 are 1.821.
        ("JPY", &[(1, 1980, 0, 198)], json!({"shipping": sent(550)}), [1980, 0, 550, 198, 2728]),
        ("KWD", &[(1, 1234, 0, 87)], json!({"shipping": sent(500)}), [1234, 0, 500, 87, 1821]),
        // Up to the largest total, and what is taken off may be as large.
        ("EUR", &[(1, 1, 0, 0)], json!({"shipping": sent(MOST - 1)}), [1, 0, MOST - 1, 0, MOST]),
        ("EUR", &[(1, 1, 0, MOST - 1)], json!({}), [1, 0, 0, MOST - 1, MOST]),
        ("EUR", &[(1, 1, 0, 0)], json!({"taxes": vat(MOST - 1)}), [1, 0, 0, MOST - 1, MOST]),
        (
            "EUR",
            &[(1, 1, 1, 0)],
            json!({"shipping": sent(MOST - 1), "discounts": off(&[MOST - 1])}),
            [1, MOST, MOST - 1, 0, 0],
        ),
    ] {
        check(&order(currency, lines, beside), worth);
    }
}

#[test]
fn no_more_is_taken_off_than_there_is() {
    let line = |discount| order("EUR", &[(2, 450, discount, 0)], json!({}));
    check(&line(900), [900, 900, 0, 0, 0]);
    refused(&line(901), "/lines/0/discount", "must be at most 900, which is what the line costs");
    let whole = |amount: u64| {
        let beside = json!({"shipping": {"amount": 490}, "discounts": [{"amount": 1}, {"amount": amount}]});
        order("EUR", &[(2, 450, 100, 0)], beside)
    };
    check(&whole(1289), [900, 1390, 490, 0, 0]);
    let left = "must be at most 1290 in all, which is what lines and shipping cost";
    refused(&whole(1290), "/discounts", left);
    refused(&whole(MOST), "/discounts", left);
}

#[test]
fn tax_is_counted_once_and_is_no_larger_than_the_price_that_includes_it() {
    let taxed = |of_line: u64, of_order: Option<u64>, is_included: bool| {
        let mut beside = json!({"prices_include_tax": is_included, "discounts": [{"amount": 100}]});
        if let Some(amount) = of_order {
            beside["taxes"] = json!([{"name": "VAT", "amount": amount}]);
        }
        order("EUR", &[(2, 450, 0, of_line)], beside)
    };
    check(&taxed(171, Some(171), false), [900, 100, 0, 171, 971]);
    refused(&taxed(171, Some(170), false), "/taxes", "must come to at least 171: the tax of the lines is a part of it");
    let included = "must come to at most 800 of tax, because the prices include it";
    check(&taxed(800, None, true), [900, 100, 0, 800, 800]);
    refused(&taxed(801, None, true), "/lines", included);
    check(&taxed(0, Some(800), true), [900, 100, 0, 800, 800]);
    refused(&taxed(0, Some(801), true), "/taxes", included);
    // Who means them to be added up would charge too little, and sees it by the total alone.
    let without_total =
        "is required where lines and order both have taxes: those of the lines are a part of the order's";
    refused(&taxed(171, Some(171), false), "/total", without_total);
    assert_eq!(parse(&taxed(0, Some(171), false)).total().minor_units(), 971);
    assert_eq!(parse(&taxed(171, None, false)).total().minor_units(), 971);
}

#[test]
fn no_part_takes_the_total_above_the_largest_exact_integer() {
    let beyond = "must not take the total above 9007199254740991 minor units";
    let beside = |beside: Value| order("EUR", &[(1, 1, 0, 0)], beside);
    refused(&beside(json!({"shipping": {"amount": MOST}})), "/shipping", beyond);
    refused(&beside(json!({"taxes": [{"name": "VAT", "amount": MOST}]})), "/taxes", beyond);
    let twice = json!([{"name": "A", "amount": MOST}, {"name": "B", "amount": MOST}]);
    refused(&beside(json!({"taxes": twice})), "/taxes", beyond);
    refused(&order("EUR", &[(1, 1, 0, MOST)], json!({})), "/lines", beyond);
    refused(&order("EUR", &[(1, 1, 0, MOST), (1, 1, 0, MOST)], json!({})), "/lines", beyond);
    let amount = "must be from 0 to 9007199254740991";
    refused(&beside(json!({"shipping": {"amount": MOST + 1}})), "/shipping/amount", amount);
    refused(&beside(json!({"shipping": {"amount": -1}})), "/shipping/amount", amount);
    refused(&beside(json!({"discounts": [{"amount": -1}]})), "/discounts/0/amount", amount);
    refused(&beside(json!({"taxes": [{"name": "VAT", "amount": -1}]})), "/taxes/0/amount", amount);
    refused(&beside(json!({"total": -1})), "/total", amount);
    for field in ["discount", "tax"] {
        let mut order = beside(json!({}));
        order["lines"][0][field] = json!(-1);
        refused(&order, &format!("/lines/0/{field}"), amount);
    }
}

#[test]
fn a_total_that_the_shop_shows_otherwise_is_refused_with_both_numbers_and_how_ours_is_made() {
    let shown = |total: Value, beside: Value| {
        let mut order = order("EUR", &[(2, 450, 0, 0)], beside);
        order["total"] = total;
        order
    };
    let all = json!({
        "shipping": {"amount": 490}, "discounts": [{"amount": 90}], "taxes": [{"name": "VAT", "amount": 247}]
    });
    let made = "900 for the lines - 90 discount + 490 shipping + 247 tax";
    refused(&shown(json!(1546), all.clone()), "/total", &format!("must be 1547, not 1546: {made}"));
    refused(&shown(json!(1300), all.clone()), "/total", &format!("must be 1547, not 1300: {made}"));
    refused(&shown(json!(0), json!({})), "/total", "must be 900, not 0: 900 for the lines");
    let mut included = all.clone();
    included["prices_include_tax"] = json!(true);
    let made = "900 for the lines - 90 discount + 490 shipping; the prices include 247 tax, which is not added";
    refused(&shown(json!(1547), included), "/total", &format!("must be 1300, not 1547: {made}"));
    let price = "must be an integer in minor units, such as 450 for 4.50, written without fraction or exponent";
    refused(&shown(json!(9.5), json!({})), "/total", price);
    assert!(NewOrder::parse(shown(Value::Null, all).to_string().as_bytes()).is_ok(), "it may be left out");
}

#[test]
fn a_shop_that_tells_its_total_places_the_same_order_as_one_that_does_not() {
    let mut told = priced();
    told["lines"][0]["tax"] = Value::Null;
    let mut untold = told.clone();
    untold["total"] = Value::Null;
    assert_eq!(parse(&told).canonical_json(), parse(&untold).canonical_json());
}

#[test]
fn what_is_beside_the_lines_is_bounded_and_read_strictly() {
    let beside = |beside: Value| order("EUR", &[(1, 1, 0, 0)], beside);
    let many = |n: usize| vec![json!({"name": "x", "amount": 0}); n];
    check(&beside(json!({"discounts": many(20), "taxes": many(20)})), [1, 0, 0, 0, 1]);
    refused(&beside(json!({"discounts": many(21)})), "/discounts", "must have at most 20 discounts, not 21");
    refused(&beside(json!({"taxes": many(21)})), "/taxes", "must have at most 20 taxes, not 21");
    refused(&beside(json!({"shipping": 490})), "/shipping", "must be an object, not a number");
    refused(&beside(json!({"shipping": {}})), "/shipping/amount", "is required");
    refused(&beside(json!({"shipping": {"amount": 1, "price": 1}})), "/shipping/price", "is not a known field");
    refused(&beside(json!({"shipping": {"method": " ", "amount": 1}})), "/shipping/method", "must not be blank");
    refused(&beside(json!({"discounts": {"amount": 1}})), "/discounts", "must be an array, not an object");
    refused(&beside(json!({"discounts": [{"code": "X"}]})), "/discounts/0/amount", "is required");
    let around = "must not begin or end with white space";
    refused(&beside(json!({"discounts": [{"code": " X", "amount": 0}]})), "/discounts/0/code", around);
    refused(&beside(json!({"taxes": [{"amount": 1}]})), "/taxes/0/name", "is required");
    refused(&beside(json!({"taxes": [7]})), "/taxes/0", "must be an object, not a number");
    let boolean = "must be true or false, not a string";
    refused(&beside(json!({"prices_include_tax": "yes"})), "/prices_include_tax", boolean);
    let nothing = json!({
        "shipping": null, "discounts": null, "taxes": null, "prices_include_tax": null, "total": null
    });
    assert_eq!(parse(&beside(nothing)), parse(&beside(json!({}))));
    let empty = json!({"discounts": [], "taxes": [], "prices_include_tax": false, "total": 1});
    assert_eq!(parse(&beside(empty)), parse(&beside(json!({}))));
}

#[test]
fn the_rate_of_a_tax_is_a_percentage_as_text() {
    let rate =
        |rate: Value| order("EUR", &[(1, 1, 0, 0)], json!({"taxes": [{"name": "VAT", "rate": rate, "amount": 0}]}));
    for good in ["0", "19", "7.7", "0.5", "8.875", "100", "999.999999", "19.00"] {
        check(&rate(good.into()), [1, 0, 0, 0, 1]);
    }
    let form = "must be a percentage, such as \"19\" or \"8.875\"";
    for bad in ["", "19 %", "19%", "-1", "+1", "1e1", ".5", "7.", "7,7", "007", "00", "1000", "0.1234567", "1.2.3", "٣"]
    {
        refused(&rate(bad.into()), "/taxes/0/rate", form);
    }
    refused(&rate(json!(19)), "/taxes/0/rate", "must be a string, not a number");
}

/// What is told of the order, by its record, before it has one, and in the answer to its request.
fn told(body: &Value) -> [Value; 3] {
    let placed = Placed { id: id(), shop: None, order: parse(body), trace: None };
    let answer = placed.order.answer(&id(), State::Queued);
    let waiting = placed.waiting(order::Waiting::Queued { now: noon() }).into_bytes();
    let record = decide(placed, &unpaid(), noon()).to_json();
    [record, waiting, answer].map(|json| serde_json::from_slice(&json).unwrap())
}

#[test]
fn an_order_tells_its_subtotal_discount_shipping_tax_and_total_everywhere() {
    let body = priced();
    let [record, waiting, answer] = told(&body);
    for told in [&record, &waiting, &answer] {
        let sums = ["subtotal", "discount", "tax", "total"].map(|field| told[field].as_u64().unwrap());
        assert_eq!(sums, [2698, 350, 529, 3367], "{told}");
        assert_eq!(told["shipping"], json!({"method": "DHL", "amount": 490}));
        assert_eq!(told.get("prices_include_tax"), None);
    }
    for told in [&record, &waiting] {
        for field in ["lines", "discounts", "taxes"] {
            assert_eq!(told[field], body[field], "{field}");
        }
    }
    assert_eq!(answer.get("lines"), None);
    let with_tax = order("EUR", &[(1, 119, 0, 19)], json!({"prices_include_tax": true}));
    for told in told(&with_tax) {
        assert_eq!(
            (&told["prices_include_tax"], &told["tax"], &told["total"]),
            (&json!(true), &json!(19), &json!(119))
        );
        assert_eq!((&told["subtotal"], &told["discount"], told.get("shipping")), (&json!(119), &json!(0), None));
    }
}

/// So the release before reads it, which takes an unknown field for one of a later release.
#[test]
fn an_order_of_lines_alone_tells_and_keeps_no_more_than_it_did_before() {
    for told in told(&order("EUR", &[(2, 450, 0, 0)], json!({}))) {
        assert_eq!(told["total"], 900);
        for field in ["subtotal", "discount", "shipping", "tax", "prices_include_tax", "discounts", "taxes"] {
            assert_eq!(told.get(field), None, "{field}");
        }
    }
}

#[test]
fn a_priced_order_comes_out_of_its_message_and_its_record_as_it_went_in() {
    let placed = Placed { id: id(), shop: None, order: parse(&priced()), trace: None };
    assert_eq!(Command::decode(&placed.encode()), Ok(Command::Decide(placed.clone().into())));
    let record = decide(placed, &unpaid(), noon());
    assert_eq!(Record::from_json(&record.to_json()), Ok(record.clone()));
    let [json, ..] = told(&priced());
    for (field, fault) in [("subtotal", 2698), ("discount", 350), ("tax", 529), ("total", 3367)] {
        let mut wrong = json.clone();
        wrong[field] = json!(fault + 1);
        let error = Record::from_json(wrong.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("the record has faults: /{field} must be {fault}"));
    }
}
