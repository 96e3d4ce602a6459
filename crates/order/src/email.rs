//! E-mail addresses.

use crate::fault::Malformed;
use crate::limits;
use crate::text::text_type;
use email_address::{EmailAddress, Options};

text_type!(
    /// A well-formed e-mail address (RFC 5321, RFC 6531) of at most [`limits::EMAIL_BYTES`] bytes, with a domain of two
    /// labels or more. That it is well-formed doesn't mean that it exists.
    Email, mailbox(limits::EMAIL_BYTES)
);

fn mailbox(text: &str, max: usize) -> Result<(), Malformed> {
    if text.len() > max {
        return Err(Malformed::new(format!("must have at most {max} bytes")));
    }
    // The parser takes ` <ann@example.com>` for an address without a name; no address in use has a space.
    if text.contains(char::is_whitespace) {
        return Err(Malformed::new("must not contain white space"));
    }
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    EmailAddress::parse_with_options(text, options)
        .map(drop)
        .map_err(|_| Malformed::new("must be an e-mail address, such as ann@example.com"))
}
