//! Changes that still wait.

use crate::command_id::ChangeKind;
use crate::reason_code::ReasonCode;
use crate::state::State;
use serde::Serialize;

/// What everybody is told of an order or a change that was given up. Why it was, in the words of a machine, a partner
/// or an operator, stands at the desk.
pub(crate) const GIVEN_UP: &str = "it could not be processed, and an operator must look at it";

/// A change that was asked for and is not made yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pending {
    change: ChangeKind,
    status: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<ReasonCode>,
}

impl Pending {
    /// A change that waits for its turn.
    #[must_use]
    pub fn queued(change: ChangeKind) -> Self {
        Self { change, status: State::Queued, reason: None, reason_code: None }
    }

    /// A change that was given up, and needs a person.
    #[must_use]
    pub fn given_up(change: ChangeKind) -> Self {
        let reason_code = Some(ReasonCode::ProcessingFailed);
        Self { change, status: State::NeedsAttention, reason: Some(GIVEN_UP), reason_code }
    }
}
