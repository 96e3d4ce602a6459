//! The application's variables: their values, from the environment or their defaults.

use std::collections::BTreeMap;
use std::fmt;

use crate::application::manifest::VariableDeclaration;
use crate::application::template::Template;

/// The beginning of the environment variables that set an application's variables.
pub const ENVIRONMENT_PREFIX: &str = "SPIN_VARIABLE_";

/// How much of a name must be alike for a suggestion, from 0 to 1: two of three characters.
const ALIKE: f64 = 0.66;

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

/// Complains of each environment variable that sets no variable of the application, in one line with what was meant.
/// Nothing else tells of a misspelt name: its variable silently has its default.
pub fn unknown_in_environment(declared: &BTreeMap<String, VariableDeclaration>) -> Vec<String> {
    let mut names: Vec<String> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    names.sort();
    names.iter().filter_map(|name| complaint(name, declared)).collect()
}

fn complaint(name: &str, declared: &BTreeMap<String, VariableDeclaration>) -> Option<String> {
    let given = name.strip_prefix(ENVIRONMENT_PREFIX)?;
    if declared.keys().any(|known| known.to_ascii_uppercase() == given) {
        return None;
    }
    let given = given.to_ascii_lowercase();
    let nearest = declared.keys().map(|known| (known, strsim::normalized_damerau_levenshtein(known, &given)));
    let nearest = nearest.filter(|(_, alike)| *alike >= ALIKE).max_by(|(_, a), (_, b)| a.total_cmp(b));
    let advice = match nearest {
        Some((known, _)) => format!("did you mean {}?", environment_name(known)),
        None => "the manifest lists all variables under [variables]".to_owned(),
    };
    Some(format!("{name} sets no variable of this application and is ignored: {advice}"))
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
    fn a_misspelt_variable_is_named_with_the_nearest_one() {
        let declared = declared(&[("backoff_base_ms", Some("1"), false), ("redis_url", Some(""), true)]);
        for (name, expected) in [
            ("SPIN_VARIABLE_BACKOFF_BASE_MS", None),
            ("SPIN_VARIABLES_FILE", None),
            ("HOME", None),
            ("SPIN_VARIABLE_BACKOF_BASE_MS", Some("did you mean SPIN_VARIABLE_BACKOFF_BASE_MS?")),
            ("SPIN_VARIABLE_BACKOFF_BSAE_MS", Some("did you mean SPIN_VARIABLE_BACKOFF_BASE_MS?")),
            // Spin reads the names in capitals only.
            ("SPIN_VARIABLE_redis_url", Some("did you mean SPIN_VARIABLE_REDIS_URL?")),
            ("SPIN_VARIABLE_REDISURL", Some("did you mean SPIN_VARIABLE_REDIS_URL?")),
            ("SPIN_VARIABLE_COLOUR", Some("the manifest lists all variables under [variables]")),
        ] {
            let told =
                expected.map(|advice| format!("{name} sets no variable of this application and is ignored: {advice}"));
            assert_eq!(complaint(name, &declared), told);
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let declared = declared(&[("key", Some("hunter2"), true), ("open", Some("seen"), false)]);
        let shown = format!("{:?}", Variables::resolve(&declared, &given(&[])).expect("values"));
        assert!(!shown.contains("hunter2") && shown.contains("seen"), "{shown}");
    }
}
