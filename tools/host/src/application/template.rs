//! Texts in which `{{ name }}` stands for the value of an application's variable.

use crate::application::names::{VARIABLE_NAME, is_variable_name};

/// A parsed template. Single braces are ordinary text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

/// Why a text is not a template.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// A `{{` without its `}}`.
    #[error("`{{{{` is not closed: write `}}}}` after the name")]
    Unclosed,
    /// The text between the braces is not a variable's name. A third brace counts as part of it.
    #[error("`{{{{{0}}}}}` is not a variable: write {VARIABLE_NAME} between two braces")]
    NotAName(String),
}

impl Template {
    /// Parses a text as Spin does: a variable's name stands between `{{` and the next `}}`. Blanks around it are
    /// ignored.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
            if !is_variable_name(name.trim()) {
                return Err(TemplateError::NotAName(name.to_owned()));
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The variables it refers to.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// Replaces each variable by its value. The error is the first variable that `value` doesn't know.
    pub(crate) fn resolve<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, &str> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Variable(name) => text.push_str(value(name).ok_or(name.as_str())?),
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> String {
        let template = Template::parse(text).expect("a template");
        template.resolve(|name| (name == "shelf").then_some("{books}")).expect("a known variable")
    }

    #[test]
    fn a_variable_is_replaced_and_everything_else_stays() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{{shelf}}", "{books}"),
            ("{{ shelf }}:bell", "{books}:bell"),
            ("a{{  shelf}}b{{shelf  }}c", "a{books}b{books}c"),
            ("{single} } {", "{single} } {"),
            ("{{ shelf }}}", "{books}}"),
        ] {
            assert_eq!(resolved(text), expected, "{text}");
        }
    }

    #[test]
    fn three_braces_or_a_bad_name_are_faults() {
        assert_eq!(Template::parse("a {{ b"), Err(TemplateError::Unclosed));
        for text in ["{{{ shelf }}}", "{{ Queue }}", "{{}}", "{{ a b }}", "{{ a-b }}"] {
            assert!(matches!(Template::parse(text), Err(TemplateError::NotAName(_))), "{text}");
        }
    }

    #[test]
    fn an_unknown_variable_is_named() {
        let template = Template::parse("{{ shelf }}{{ other }}").expect("a template");
        assert_eq!(template.names().collect::<Vec<_>>(), ["shelf", "other"]);
        assert_eq!(template.resolve(|name| (name == "shelf").then_some("q")), Err("other"));
    }
}
