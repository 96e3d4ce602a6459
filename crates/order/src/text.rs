//! Strings with a length and a meaning. Each is checked when it is made, from a shop's words or from the store.

use crate::fault::Malformed;
use crate::limits;

/// Declares a string type and how it is checked.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:ident($max:expr)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Malformed;

            fn from_str(text: &str) -> Result<Self, $crate::Malformed> {
                $check(text, $max)?;
                Ok(Self(text.into()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        #[cfg(feature = "schema")]
        $crate::scalar_schema::inlined!($name, $crate::scalar_schema::$check($max));
    };
}
pub(crate) use text_type;

text_type!(
    /// The shop's own number of the order: one line of at most [`limits::REFERENCE`] characters, no white space around.
    Reference, identifier(limits::REFERENCE)
);
text_type!(
    /// A stock-keeping unit: one line of at most [`limits::SKU`] characters, no white space around. Compared byte for
    /// byte, so letter case counts. How the same letters are composed doesn't, where [`Sku::named`] made it.
    Sku, identifier(limits::SKU)
);
text_type!(
    /// The name of a person or an article: one line of at most [`limits::NAME`] characters.
    Name, line(limits::NAME)
);
text_type!(
    /// A telephone number as people write it: one line of at most [`limits::PHONE`] characters.
    Phone, line(limits::PHONE)
);
text_type!(
    /// A line of an address: at most [`limits::ADDRESS_LINE`] characters.
    AddressLine, line(limits::ADDRESS_LINE)
);
text_type!(
    /// A city or a region: one line of at most [`limits::LOCALITY`] characters.
    Locality, line(limits::LOCALITY)
);
text_type!(
    /// A postal code: one line of at most [`limits::POSTAL_CODE`] characters.
    PostalCode, line(limits::POSTAL_CODE)
);
text_type!(
    /// The customer's note to the shop: at most [`limits::NOTE`] characters, with line breaks and tabs.
    Note, lines(limits::NOTE)
);
text_type!(
    /// The name of a metadata entry: one line of at most [`limits::METADATA_KEY`] characters, no white space around.
    MetadataKey, identifier(limits::METADATA_KEY)
);
text_type!(
    /// The value of a metadata entry: one line of at most [`limits::METADATA_VALUE`] characters.
    MetadataValue, line(limits::METADATA_VALUE)
);
text_type!(
    /// The name of a discount, of a tax or of a way to send an order: one line of at most [`limits::LABEL`] characters.
    Label, line(limits::LABEL)
);
text_type!(
    /// What a customer types in to get a discount: one line of at most [`limits::DISCOUNT_CODE`] characters, no white
    /// space around.
    DiscountCode, identifier(limits::DISCOUNT_CODE)
);
text_type!(
    /// The rate of a tax in percent, such as `19` or `8.875`.
    TaxRate, percentage(limits::TAX_RATE_DECIMALS)
);
text_type!(
    /// The payment provider's id of a charge or a refund: one line of at most [`limits::PAYMENT_ID`] characters, no
    /// white space around.
    PaymentId, identifier(limits::PAYMENT_ID)
);
text_type!(
    /// A payment provider, by the host and port of its URL: at most [`limits::PROVIDER`] characters.
    Provider, identifier(limits::PROVIDER)
);
text_type!(
    /// Where the shop's customer goes to complete a payment: an `https` or `http` URL of at most
    /// [`limits::NEXT_ACTION`] visible ASCII characters.
    NextAction, web_address(limits::NEXT_ACTION)
);
text_type!(
    /// The carrier's number of a parcel, or where to look it up: one line of at most [`limits::TRACKING`] characters,
    /// no white space around.
    Tracking, identifier(limits::TRACKING)
);
text_type!(
    /// Why an order came to its state: one line of at most [`limits::REASON`] characters.
    Reason, line(limits::REASON)
);

/// One line that names something, so that white space around it is a slip.
fn identifier(text: &str, max: usize) -> Result<(), Malformed> {
    line(text, max)?;
    if text.trim().len() < text.len() {
        return Err(Malformed::new("must not begin or end with white space"));
    }
    Ok(())
}

/// A URL that a browser may be sent to. Others, such as `javascript:`, could run in the shop's page; and so could what
/// RFC 3986 allows in no URL.
fn web_address(text: &str, max: usize) -> Result<(), Malformed> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let has_host = host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', '?', '#']));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !has_host || text.len() > max || !text.bytes().all(is_plain) {
        return Err(Malformed::new(format!("must be an https or http URL of at most {max} characters")));
    }
    Ok(())
}

/// A decimal number from 0 to 999, without sign, exponent and needless zeros in front. It has up to
/// so many digits behind the point.
fn percentage(text: &str, max: usize) -> Result<(), Malformed> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits =
        |digits: &str, most| (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_led_by_zero = whole.len() > 1 && whole.starts_with('0');
    if is_led_by_zero || !are_digits(whole, 3) || !are_digits(decimals, max) {
        return Err(Malformed::new("must be a percentage, such as \"19\" or \"8.875\""));
    }
    Ok(())
}

/// One line: no control characters.
fn line(text: &str, max: usize) -> Result<(), Malformed> {
    bounded(text, max)?;
    if text.chars().any(char::is_control) {
        return Err(Malformed::new("must not contain control characters, such as a line break or a tab"));
    }
    Ok(())
}

/// Several lines: of the control characters, line breaks (`\n` or `\r\n`) and tabs.
fn lines(text: &str, max: usize) -> Result<(), Malformed> {
    bounded(text, max)?;
    if text.replace("\r\n", "\n").chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Malformed::new("must not contain control characters other than line breaks and tabs"));
    }
    Ok(())
}

fn bounded(text: &str, max: usize) -> Result<(), Malformed> {
    if text.trim().is_empty() {
        return Err(Malformed::new("must not be blank"));
    }
    // A text of no more bytes has no more characters, and needs no counting.
    if text.len() > max && text.chars().count() > max {
        return Err(Malformed::new(format!("must have at most {max} characters")));
    }
    Ok(())
}
