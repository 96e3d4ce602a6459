//! What a probe is told.

use serde::Serialize;

/// What works, and how to mend what doesn't.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// The worst of the checks.
    pub status: CheckStatus,
    /// Each check.
    pub checks: Vec<Check>,
}

/// A check.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// What it looks at.
    pub name: &'static str,
    /// Its result.
    pub status: CheckStatus,
    /// What is wrong, and how to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The result of a check. That of the whole is the worst of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// All is well.
    Pass,
    /// It works, and something should be mended.
    Warn,
    /// It doesn't work.
    Fail,
}

impl Check {
    /// A check that passes, or fails with what is wrong.
    pub fn of(name: &'static str, result: Result<(), String>) -> Self {
        let status = if result.is_ok() { CheckStatus::Pass } else { CheckStatus::Fail };
        Self { name, status, detail: result.err() }
    }

    /// A check that fails.
    pub fn failure(name: &'static str, detail: String) -> Self {
        Self::of(name, Err(detail))
    }

    /// A check that warns.
    pub fn warning(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Warn, detail: Some(detail.into()) }
    }
}
