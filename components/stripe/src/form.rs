//! Bodies for Stripe: `application/x-www-form-urlencoded`.

use form_urlencoded::Serializer;

use crate::asked::{AskedCapture, AskedCharge, AskedRefund, Taking};
use crate::money::for_stripe;
use crate::refusal::Refusal;

/// Entries of an object's metadata that Stripe keeps.
const METADATA_ENTRIES: usize = 50;

/// The unconfirmed intent of an order, whose money is taken then.
///
/// # Errors
/// If the order can't be charged at Stripe at all.
pub(crate) fn intent(asked: &AskedCharge, taking: Taking) -> Result<String, Refusal> {
    let Some(payment) = &asked.payment else {
        let detail = "The order has no payment.token. Have the shop send the id of a PaymentMethod of Stripe, or say \
                      {\"later\": true}.";
        return Err(Refusal::for_good(detail));
    };
    let mut form = Serializer::new(String::new());
    form.append_pair("amount", &for_stripe(asked.amount, &asked.currency)?.to_string());
    form.append_pair("currency", &asked.currency.to_ascii_lowercase());
    // Cards, and the wallets that stand for them. Other ways to pay send the customer to a page of theirs.
    form.append_pair("payment_method_types[0]", "card");
    if taking == Taking::Later {
        form.append_pair("capture_method", "manual");
    }
    match payment.token.starts_with("tok_") {
        true => {
            form.append_pair("payment_method_data[type]", "card");
            form.append_pair("payment_method_data[card][token]", &payment.token);
        }
        false => {
            form.append_pair("payment_method", &payment.token);
        }
    }
    if let Some(customer) = &payment.customer {
        form.append_pair("customer", customer);
    }
    for (name, value) in metadata(asked) {
        form.append_pair(&format!("metadata[{name}]"), &value);
    }
    Ok(form.finish())
}

/// The confirmation of an intent whose customer comes back to this page, if the bank has them act.
pub(crate) fn coming_back_to(page: &str) -> String {
    Serializer::new(String::new()).append_pair("return_url", page).finish()
}

/// Ours first. Then of the shop's as many as there is room for, without those whose names Stripe refuses.
fn metadata(asked: &AskedCharge) -> impl Iterator<Item = (&str, String)> {
    let order = ("order_id", asked.order_id.to_string());
    let reference = asked.reference.as_ref().map(|reference| ("reference", reference.clone()));
    let is_taken = move |name: &str| name == "order_id" || name == "reference" && asked.reference.is_some();
    let shops = asked.metadata.iter().filter(move |(name, _)| !is_taken(name) && !name.contains(['[', ']']));
    let shops = shops.map(|(name, value)| (name.as_str(), value.clone()));
    [order].into_iter().chain(reference).chain(shops).take(METADATA_ENTRIES)
}

/// The capture of an order's total, in the field of this name. What else was set aside is let go.
pub(crate) fn capture(asked: &AskedCapture, name: &str) -> Result<String, Refusal> {
    let amount = for_stripe(asked.amount, &asked.currency)?.to_string();
    Ok(Serializer::new(String::new()).append_pair(name, &amount).finish())
}

/// The refund of all that is set aside by this charge: no money was taken.
pub(crate) fn release(asked: &AskedRefund, charge: &str) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("charge", charge);
    form.append_pair("metadata[order_id]", &asked.order_id.to_string());
    form.finish()
}

/// The refund of an order's total from this charge or intent.
pub(crate) fn refund(asked: &AskedRefund, charge: &str) -> Result<String, Refusal> {
    let mut form = Serializer::new(String::new());
    form.append_pair(kind(charge), charge);
    form.append_pair("amount", &for_stripe(asked.amount, &asked.currency)?.to_string());
    form.append_pair("metadata[order_id]", &asked.order_id.to_string());
    Ok(form.finish())
}

/// The query that lists the refunds of this charge or intent.
pub(crate) fn refunds_of(charge: &str) -> String {
    Serializer::new(String::new()).append_pair(kind(charge), charge).append_pair("limit", "100").finish()
}

/// The query that finds an order's intents.
pub(crate) fn intents_of(order: &str) -> String {
    let query = format!("metadata[\"order_id\"]:\"{order}\"");
    Serializer::new(String::new()).append_pair("query", &query).append_pair("limit", "10").finish()
}

/// What Stripe calls that which has this id.
pub(crate) fn kind(charge: &str) -> &'static str {
    if charge.starts_with("pi_") { "payment_intent" } else { "charge" }
}
