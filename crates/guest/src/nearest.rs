//! The known name that a misspelt one is most like.

/// Finds the known name that is most like another: by the letters that would have to change, at most a third of them,
/// or by its end or beginning.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let near = known.into_iter().filter_map(|known| {
        let changes = strsim::generic_levenshtein(&name.as_bytes().to_vec(), &known.as_bytes().to_vec());
        let is_part = name.len() > 2 && (known.ends_with(&name) || name.starts_with(known));
        (is_part || changes * 3 <= known.len().max(3)).then_some((changes, known))
    });
    near.min_by_key(|(changes, _)| *changes).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        const FIELDS: [&str; 5] = ["name", "url", "secret", "secrets", "events"];
        for (name, expected) in [
            ("nam", Some("name")),
            ("Name", Some("name")),
            ("uri", Some("url")),
            ("secert", Some("secret")),
            ("sekrets", Some("secrets")),
            ("event", Some("events")),
            ("url_", Some("url")),
            ("key", None),
            ("", None),
            ("description", None),
        ] {
            assert_eq!(nearest(name, FIELDS), expected, "{name}");
        }
        let types = ["sluice.order.confirmed", "sluice.order.rejected"];
        for (name, expected) in [
            ("order.confirmed", Some("sluice.order.confirmed")),
            ("sluice.order.rejectd", Some("sluice.order.rejected")),
            ("shipped", None),
        ] {
            assert_eq!(nearest(name, types), expected, "{name}");
        }
    }
}
