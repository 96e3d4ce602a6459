//! Masking what only some may see.

use crate::json::behind;

/// Masks each e-mail address in the JSON of an order, of an event or of a message, whoever wrote it:
/// `a***@example.com`.
#[must_use]
pub fn with_masked_emails(json: Vec<u8>) -> Vec<u8> {
    let (mut masked, mut rest) = (Vec::with_capacity(json.len()), json.as_slice());
    while let Some(begin) = behind(rest, br#""email":""#) {
        let (before, value) = rest.split_at(begin);
        let (address, behind) = value.split_at(length_of_string(value));
        masked.extend_from_slice(before);
        masked.extend(mask(address));
        rest = behind;
    }
    masked.extend_from_slice(rest);
    masked
}

/// Where the quote is that ends a string.
fn length_of_string(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let is_end = |byte: &u8| {
        let is_plain = !std::mem::take(&mut is_escaped);
        is_escaped = is_plain && *byte == b'\\';
        is_plain && *byte == b'"'
    };
    text.iter().position(is_end).unwrap_or(text.len())
}

/// The domain tells little of a person. Of the name before it the first letter stays, by which two can be told apart.
fn mask(address: &[u8]) -> impl Iterator<Item = u8> {
    let domain = address.iter().rposition(|byte| *byte == b'@').map_or(&[][..], |at| &address[at..]);
    let first =
        address.first().copied().filter(|byte| byte.is_ascii_alphanumeric() && address.len() > domain.len() + 1);
    first.into_iter().chain(*b"***").chain(domain.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::with_masked_emails;

    #[test]
    fn an_address_shows_its_first_letter_and_its_domain() {
        for (address, masked) in [
            ("ada@example.com", "a***@example.com"),
            ("a@example.com", "***@example.com"),
            ("ünal@example.com", "***@example.com"),
            (r#"\"a\\\"@b\"@example.com"#, "***@example.com"),
            ("no address", "n***"),
            ("", "***"),
        ] {
            let json =
                |address| format!(r#"{{"customer":{{"email":"{address}","name":"x@y"}},"note":"\"email\":\"b@c\""}}"#);
            let told = String::from_utf8_lossy(&with_masked_emails(json(address).into_bytes())).into_owned();
            assert_eq!(told, json(masked), "{address}");
        }
        let two = br#"[{"email":"ada@a.test"},{"email":"bob@b.test"},{"email":"bro"#.to_vec();
        assert_eq!(with_masked_emails(two), br#"[{"email":"a***@a.test"},{"email":"b***@b.test"},{"email":"b***"#);
        assert_eq!(with_masked_emails(b"no JSON".to_vec()), b"no JSON");
    }
}
