//! Trace context: which request an order came with, so that its way can be followed across systems.

use crate::fault::Malformed;
use crate::text::text_type;

text_type!(
    /// The header `traceparent` of W3C Trace Context, version 00: `00-{trace id}-{parent id}-{flags}` in small hex
    /// digits.
    TraceParent, traceparent(LENGTH)
);

/// Characters of a version, two ids and flags, with three hyphens.
const LENGTH: usize = 55;

fn traceparent(text: &str, length: usize) -> Result<(), Malformed> {
    let fields: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = fields.iter().map(|field| field.len()).collect();
    let hex = |field: &&str| field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Ids of zeros alone are invalid, section 3.2.2.
    let zeros = |field: &str| field.bytes().all(|byte| byte == b'0');
    if text.len() == length
        && lengths == [2, 32, 16, 2]
        && fields[0] == "00"
        && fields.iter().all(hex)
        && !zeros(fields[1])
        && !zeros(fields[2])
    {
        return Ok(());
    }
    Err(Malformed::new("must be a traceparent: 00, trace id, parent id and flags in small hex digits, with hyphens"))
}

#[cfg(test)]
mod tests {
    use super::TraceParent;

    #[test]
    fn only_what_the_specification_allows_is_a_traceparent() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(good.parse::<TraceParent>().is_ok());
        for bad in [
            "",
            "00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert!(bad.parse::<TraceParent>().is_err(), "{bad}");
        }
    }
}
