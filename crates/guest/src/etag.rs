//! Entity tags, by which a client asks whether what it has read before is still the same (RFC 9110, section 13.1.2).

use http::StatusCode;
use sha2::{Digest, Sha256};

use crate::response::Response;

/// Gives an answer its tag, and takes out its body if that is one of those which the client says that it has.
pub(crate) fn tagged(answer: Response, known: &[String]) -> Response {
    if answer.status != StatusCode::OK {
        return answer;
    }
    let tag = tag(&answer.body);
    let is_known = known.iter().any(|header| matches(header, &tag));
    let answer = answer.with("etag", format!("\"{tag}\""));
    if is_known { answer.not_modified() } else { answer }
}

/// 128 bits of SHA-256.
fn tag(body: &[u8]) -> String {
    Sha256::digest(body)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a header `If-None-Match` names the tag. Weak tags count as others do. What stands in quotes has none itself.
fn matches(header: &str, tag: &str) -> bool {
    header.trim() == "*" || header.split('"').skip(1).step_by(2).any(|known| known == tag)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_tag_is_found_in_a_list_of_weak_and_strong_ones_and_by_a_star() {
        for (header, is_found) in [
            ("\"ab\"", true),
            ("W/\"ab\"", true),
            ("\"x\", W/\"y,z\",\"ab\"", true),
            (" * ", true),
            ("\"abc\"", false),
            ("\"x,ab\"", false),
            ("\"x\" ab \"y\"", false),
            ("ab", false),
            ("\"*\"", false),
            ("", false),
        ] {
            assert_eq!(matches(header, "ab"), is_found, "{header}");
        }
    }
}
