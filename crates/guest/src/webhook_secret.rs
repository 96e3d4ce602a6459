//! The secrets that sign webhooks, as Standard Webhooks writes them. A fault never shows a part of one.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use standardwebhooks::Webhook;

/// Standard Webhooks asks for keys of 24 to 64 bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Most secrets at once: the new one, the old one, and one more for a change that meets another.
pub(crate) const MOST_SECRETS: usize = 3;

const PREFIX: &str = "whsec_";

/// With its padding or without.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads one secret. Taken is what can mean but one key: white space around it, the `v1,` of a signature before it,
/// base64 without padding or in its URL-safe letters. The fault fits behind "its secret".
pub(crate) fn signer(secret: &str) -> Result<Webhook, String> {
    let secret = secret.trim();
    if secret.is_empty() {
        return Err("is empty".to_owned());
    }
    if secret.starts_with("whsk_") || secret.starts_with("whpk_") {
        return Err(format!("is a key for signatures of the kind v1a; a shared one begins with {PREFIX}"));
    }
    let encoded = secret.strip_prefix("v1,").unwrap_or(secret).strip_prefix(PREFIX);
    let encoded = encoded.ok_or_else(|| format!("must begin with {PREFIX}"))?;
    if encoded.contains(PREFIX) {
        return Err(format!("has {PREFIX} twice; to sign with two secrets, list them in \"secrets\""));
    }
    if encoded.contains(char::is_whitespace) {
        return Err("has white space in its middle".to_owned());
    }
    let encoded = encoded.replace('-', "+").replace('_', "/");
    // The decoder's own words name a byte of the secret.
    let key = ENGINE.decode(&encoded).map_err(|_| not_base64(&encoded))?;
    if !KEY_BYTES.contains(&key.len()) {
        let (least, most) = (KEY_BYTES.start(), KEY_BYTES.end());
        return Err(format!("is the base64 of {} bytes, but must be that of {least} to {most}", key.len()));
    }
    Webhook::from_bytes(key).map_err(|error| error.to_string())
}

fn not_base64(encoded: &str) -> String {
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    match encoded.chars().position(|c| !is_known(c)) {
        Some(at) => format!("has a character behind {PREFIX} that base64 doesn't have: the one at place {}", at + 1),
        None => format!("has no whole base64 behind {PREFIX}: a part of it is missing or too much"),
    }
}

#[cfg(test)]
mod tests {
    use standardwebhooks::Webhook;

    use super::signer;

    /// A key whose base64 has both letters that URL-safe writes otherwise, and padding.
    const PLAIN: &str = "whsec_++//++//++//++//++//++//++//++//+w==";

    fn signature(signer: &Webhook) -> String {
        signer.sign("id", 1, b"body").unwrap()
    }

    #[test]
    fn one_key_may_be_written_in_many_ways() {
        let expected = signature(&Webhook::new(PLAIN).unwrap());
        for written in [
            PLAIN.to_owned(),
            format!("{PLAIN}\n"),
            format!(" {PLAIN}\r\n"),
            format!("v1,{PLAIN}"),
            PLAIN.trim_end_matches('=').to_owned(),
            PLAIN.replace('+', "-").replace('/', "_"),
            format!("v1,{}\n", PLAIN.trim_end_matches('=').replace('+', "-").replace('/', "_")),
        ] {
            let signer = signer(&written).unwrap_or_else(|fault| panic!("{written:?}: {fault}"));
            assert_eq!(signature(&signer), expected, "{written:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_not_shown() {
        let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        for (written, fault) in [
            (String::new(), "is empty"),
            ("\n".to_owned(), "is empty"),
            (key.to_owned(), "must begin with whsec_"),
            (format!("WHSEC_{key}"), "must begin with whsec_"),
            (format!("v2,whsec_{key}"), "must begin with whsec_"),
            (format!("whsk_{key}"), "is a key for signatures of the kind v1a"),
            (format!("whpk_{key}"), "is a key for signatures of the kind v1a"),
            (format!("whsec_{key} whsec_{key}"), "has whsec_ twice"),
            (format!("whsec_whsec_{key}"), "has whsec_ twice"),
            (format!("whsec_{}\n{}", &key[..16], &key[16..]), "has white space in its middle"),
            (format!("whsec_{}.{}", &key[..16], &key[17..]), "the one at place 17"),
            (format!("whsec_{key}A"), "has no whole base64"),
            (format!("whsec_{key}="), "has no whole base64"),
            ("whsec_".to_owned(), "is the base64 of 0 bytes, but must be that of 24 to 64"),
            (format!("whsec_{}", &key[..28]), "is the base64 of 21 bytes, but must be that of 24 to 64"),
            (format!("whsec_{key}{key}{key}"), "is the base64 of 72 bytes, but must be that of 24 to 64"),
        ] {
            let Err(told) = signer(&written) else { panic!("{written:?} is taken") };
            assert!(told.contains(fault), "{written:?}: {told}");
            assert!(!told.contains("MfK") && !told.contains("LaSw"), "{told}");
        }
    }
}
