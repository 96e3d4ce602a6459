//! The application's variables: their values, from the environment or their defaults.

use std::collections::BTreeMap;
use std::fmt;

use crate::application::manifest::VariableDeclaration;
use crate::application::template::Template;

/// The beginning of the environment variables that set an application's variables.
pub const ENVIRONMENT_PREFIX: &str = "SPIN_VARIABLE_";

/// The value of every variable of an application.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, Value>,
}

#[derive(Clone)]
struct Value {
    text: String,
    secret: bool,
}

/// Why variables can't be given values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// These variables are required, and have no value.
    #[error(
        "no value for the required {}: set {}",
        plural(.0.len(), "variable", .0.iter().map(|name| format!("`{name}`"))),
        .0.iter().map(|name| environment_name(name)).collect::<Vec<_>>().join(", ")
    )]
    Missing(Vec<String>),
    /// A value was given for something that the manifest doesn't declare.
    #[error("`{0}` is not a variable of the application: add it to [variables]")]
    Unknown(String),
}

impl Variables {
    /// Takes each variable's value from `given`, else its default.
    pub fn resolve(
        declared: &BTreeMap<String, VariableDeclaration>,
        given: &BTreeMap<String, String>,
    ) -> Result<Self, VariableError> {
        if let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name)) {
            return Err(VariableError::Unknown(unknown.clone()));
        }
        let (mut values, mut missing) = (BTreeMap::new(), Vec::new());
        for (name, declaration) in declared {
            match given.get(name).or(declaration.default.as_ref()) {
                Some(text) => {
                    values.insert(name.clone(), Value { text: text.clone(), secret: declaration.secret });
                }
                None => missing.push(name.clone()),
            }
        }
        if missing.is_empty() { Ok(Self { values }) } else { Err(VariableError::Missing(missing)) }
    }

    /// Replaces the variables in a template by their values. The manifest's check made sure that all are declared.
    pub(crate) fn resolve_template(&self, template: &Template) -> String {
        template.resolve(|name| self.get(name)).expect("every declared variable has a value")
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.text.as_str())
    }
}

/// Shows each variable with its value, unless the manifest calls that secret.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.values.iter().map(|(name, value)| (name, if value.secret { "(secret)" } else { &value.text }));
        f.debug_map().entries(shown).finish()
    }
}

/// The values that this process's environment gives to declared variables, by `SPIN_VARIABLE_<NAME>`.
pub fn from_environment(declared: &BTreeMap<String, VariableDeclaration>) -> BTreeMap<String, String> {
    declared.keys().filter_map(|name| Some((name.clone(), std::env::var(environment_name(name)).ok()?))).collect()
}

/// The environment variable that sets an application variable.
pub fn environment_name(name: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", name.to_ascii_uppercase())
}

fn plural(count: usize, noun: &str, items: impl Iterator<Item = String>) -> String {
    format!("{noun}{} {}", if count == 1 { "" } else { "s" }, items.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(variables: &[(&str, Option<&str>, bool)]) -> BTreeMap<String, VariableDeclaration> {
        variables
            .iter()
            .map(|(name, default, secret)| {
                let declaration = VariableDeclaration {
                    default: default.map(str::to_owned),
                    required: default.is_none(),
                    secret: *secret,
                    description: None,
                };
                (name.to_string(), declaration)
            })
            .collect()
    }

    fn given(values: &[(&str, &str)]) -> BTreeMap<String, String> {
        values.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn a_given_value_goes_before_the_default() {
        let declared = declared(&[("a", Some("1"), false), ("b", Some("2"), false)]);
        let variables = Variables::resolve(&declared, &given(&[("b", "3")])).expect("values");
        assert_eq!((variables.get("a"), variables.get("b"), variables.get("c")), (Some("1"), Some("3"), None));
    }

    #[test]
    fn missing_variables_are_all_named_with_what_to_set() {
        let declared = declared(&[("api_key", None, true), ("b", Some("2"), false), ("url", None, false)]);
        let error = Variables::resolve(&declared, &given(&[])).expect_err("two have no value");
        assert_eq!(
            error.to_string(),
            "no value for the required variables `api_key`, `url`: set SPIN_VARIABLE_API_KEY, SPIN_VARIABLE_URL"
        );
    }

    #[test]
    fn a_value_for_an_undeclared_variable_is_refused() {
        let error = Variables::resolve(&declared(&[]), &given(&[("typo", "1")])).expect_err("undeclared");
        assert_eq!(error, VariableError::Unknown("typo".into()));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let declared = declared(&[("key", Some("hunter2"), true), ("open", Some("seen"), false)]);
        let shown = format!("{:?}", Variables::resolve(&declared, &given(&[])).expect("values"));
        assert!(!shown.contains("hunter2") && shown.contains("seen"), "{shown}");
    }
}
