//! What the JSON of this crate looks like, for the description of the API. Nothing that ships is built with it.

use schemars::SchemaGenerator;

use crate::health_answer::Health;
use crate::problem::ProblemDetails;

/// What callers get.
pub fn answers(generator: &mut SchemaGenerator) {
    generator.subschema_for::<ProblemDetails<'_>>();
    generator.subschema_for::<Health>();
}
