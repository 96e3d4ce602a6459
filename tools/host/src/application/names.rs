//! The names that variables and components may have, by Spin's rules.

/// The rule of [`is_variable_name`] in short, for errors.
pub(crate) const VARIABLE_NAME: &str = "lower-case letters, digits and single underscores";

/// Whether a variable may have this name: it has lower-case letters, digits and single underscores, starts with a
/// letter, and doesn't end with an underscore. By this rule Spin can turn each name into an environment variable and
/// back.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !name.ends_with('_')
        && !name.contains("__")
}

/// Whether a component may have this name: words joined by hyphens. Each word has letters of one case and digits, and
/// starts with a letter.
pub(crate) fn is_component_name(name: &str) -> bool {
    name.split('-').all(|word| {
        let one_case =
            !(word.contains(|c: char| c.is_ascii_lowercase()) && word.contains(|c: char| c.is_ascii_uppercase()));
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric())
            && one_case
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_names_follow_the_rule_of_spin() {
        for name in ["a", "abc", "a1b2c3", "a_1", "a_1_b_3"] {
            assert!(is_variable_name(name), "{name}");
        }
        for name in ["", "aX", "1bc", "_x", "x.y", "x_", "a__b", "x-y"] {
            assert!(!is_variable_name(name), "{name}");
        }
    }

    #[test]
    fn component_names_follow_the_rule_of_spin() {
        for name in ["a", "door", "front-door", "door2", "HTTP-door"] {
            assert!(is_component_name(name), "{name}");
        }
        for name in ["", "front_door", "front--door", "2door", "Door", "-door", "dööör"] {
            assert!(!is_component_name(name), "{name}");
        }
    }
}
