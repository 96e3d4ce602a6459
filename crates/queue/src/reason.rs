//! Others' words, made fit for an event, a letter and a line of the log.

use crate::limits::REASON_BYTES;

/// Stands for what was cut off.
const CUT: &str = "…";

/// The text as one line of at most [`REASON_BYTES`]. What would break a line or turn its direction becomes a space, and
/// a longer text ends in an ellipsis.
pub fn one_line(text: &str) -> String {
    // A space for each character, none of which is shorter in UTF-8: so the text only gets shorter.
    let line = |text: &str| text.chars().map(|c| if breaks_a_line(c) { ' ' } else { c }).collect::<String>();
    if text.len() <= REASON_BYTES {
        return line(text).trim().to_owned();
    }
    let kept = &text[..text.floor_char_boundary(REASON_BYTES - CUT.len())];
    format!("{}{CUT}", line(kept).trim())
}

fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_bounded_length() {
        for (text, expected) in [
            ("as it is: <b>ü</b>", "as it is: <b>ü</b>"),
            (" two\r\nlines\n", "two  lines"),
            ("\u{1b}[31mred\u{0}\u{85}\u{2028}\u{202e}\u{2066}", "[31mred"),
            ("", ""),
        ] {
            assert_eq!(one_line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_longer_one_is_cut_between_characters_and_says_so() {
        for text in ["a".repeat(REASON_BYTES), "ü".repeat(REASON_BYTES / 2)] {
            assert_eq!(one_line(&text), text);
        }
        for text in ["a".repeat(60_000), "ü".repeat(600), "a😀".repeat(300), format!("a{}", "😀".repeat(256))] {
            let cut = one_line(&text);
            assert!((REASON_BYTES - 6..=REASON_BYTES).contains(&cut.len()), "{} bytes", cut.len());
            assert!(text.starts_with(cut.strip_suffix(CUT).unwrap()));
        }
    }
}
