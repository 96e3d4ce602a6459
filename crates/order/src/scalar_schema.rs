//! What strings and numbers look like in JSON Schema, for the description of the API. Nothing that ships has it.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Says what a type's JSON looks like, wherever it stands.
macro_rules! inlined {
    ($name:ident, $schema:expr) => {
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $schema
            }
        }
    };
}
pub(crate) use inlined;

/// The same for a type whose schema is long, and so stands in one place.
macro_rules! named {
    ($name:ident, $schema:expr) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $schema
            }
        }
    };
}
pub(crate) use named;

/// An integer within bounds.
pub(crate) fn integer(least: u64, most: u64) -> Schema {
    json_schema!({"type": "integer", "minimum": least, "maximum": most})
}

/// A string in a form that has a name.
pub(crate) fn formatted(format: &str) -> Schema {
    json_schema!({"type": "string", "format": format})
}

/// One of a few words.
pub(crate) fn words(words: impl IntoIterator<Item: AsRef<[u8]>>) -> Schema {
    let words = words.into_iter().map(|word| String::from_utf8_lossy(word.as_ref()).into_owned());
    json_schema!({"type": "string", "enum": words.collect::<Vec<_>>()})
}

/// A string of up to `max` characters that is not blank, and may be anything else.
pub(crate) fn text_of(max: usize) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": max, "pattern": "\\S"})
}

/// One line: without control characters, and not blank.
pub(crate) fn line(max: usize) -> Schema {
    let pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
    json_schema!({"type": "string", "minLength": 1, "maxLength": max, "pattern": pattern})
}

/// A line without white space around.
pub(crate) fn identifier(max: usize) -> Schema {
    let pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$";
    json_schema!({"type": "string", "minLength": 1, "maxLength": max, "pattern": pattern})
}

/// Lines: of the control characters, line breaks and tabs.
pub(crate) fn lines(max: usize) -> Schema {
    text_of(max)
}

/// An e-mail address.
pub(crate) fn mailbox(max: usize) -> Schema {
    json_schema!({"type": "string", "format": "email", "minLength": 1, "maxLength": max})
}

/// A percentage as text.
pub(crate) fn percentage(max: usize) -> Schema {
    json_schema!({"type": "string", "pattern": format!(r"^(0|[1-9][0-9]{{0,2}})(\.[0-9]{{1,{max}}})?$")})
}

/// A URL that a browser may be sent to.
pub(crate) fn web_address(max: usize) -> Schema {
    json_schema!({"type": "string", "format": "uri", "maxLength": max})
}

/// Visible ASCII.
pub(crate) fn visible(max: usize) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": max, "pattern": "^[!-~]+$"})
}

/// A header of W3C Trace Context.
pub(crate) fn traceparent(length: usize) -> Schema {
    json_schema!({"type": "string", "maxLength": length, "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"})
}

/// The name of a caller.
pub(crate) fn caller(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[a-z0-9-]{1,32}$"})
}
