//! Amounts as Stripe counts them.

use crate::refusal::Refusal;

/// An amount in minor units, by ISO 4217, as Stripe counts it. The two are the same but for three currencies: see
/// <https://docs.stripe.com/currencies>.
///
/// # Errors
/// If Stripe can't take it.
pub(crate) fn for_stripe(amount: u64, currency: &str) -> Result<u64, Refusal> {
    let (amount, is_whole) = match currency {
        // They have no minor unit, but Stripe counts hundredths.
        "ISK" | "UGX" => (amount.saturating_mul(100), true),
        // It has fifths, written with two decimals. Stripe counts whole ones.
        "MGA" => (amount / 100, amount.is_multiple_of(100)),
        _ => (amount, true),
    };
    match is_whole {
        true => Ok(amount),
        false => Err(Refusal::for_good(format!("Stripe takes {currency} in whole units only."))),
    }
}
