//! The prefix of all keys.

/// The prefix of all keys. Its braces are a hash tag, which keeps the keys of one application on one cluster node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// Takes a name in braces: `{orders}`. At most 64 letters, digits, `-`, `_`, `.` or `:` inside them.
    pub fn new(name: &str) -> Option<Self> {
        let inner = name.strip_prefix('{')?.strip_suffix('}')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        ((1..=64).contains(&inner.len()) && inner.chars().all(plain)).then(|| Self(name.to_owned()))
    }

    /// The name with its braces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Namespace;

    #[test]
    fn a_namespace_is_one_hash_tag() {
        for good in ["{orders}", "{shop-1:orders}"] {
            assert!(Namespace::new(good).is_some(), "{good}");
        }
        for bad in ["orders", "{}", "{a}b", "{{a}}", "{a b}", "", "{orders"] {
            assert!(Namespace::new(bad).is_none(), "{bad}");
        }
    }
}
