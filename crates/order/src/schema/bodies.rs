//! Bodies that are read field by field, so that no type has their shape.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::batch::ORDERS;
use crate::idempotency_key::IdempotencyKey;
use crate::limits;
use crate::means::Means;
use crate::new_order::NewOrder;
use crate::scalar_schema::{identifier, integer, line, text_of};

/// Declares the shape of a body.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident, |$generator:ident| $schema:expr) => {
        $(#[$doc])*
        struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

body!(
    /// An order with its own key.
    BatchOrder, |generator| {
        let mut schema = NewOrder::json_schema(generator);
        if let Some(fields) = schema.get_mut("properties").and_then(|fields| fields.as_object_mut()) {
            fields.insert("idempotency_key".to_owned(), IdempotencyKey::json_schema(generator).to_value());
        }
        schema
    }
);

body!(
    /// See [`crate::batch::parse`]. What is no order has a verdict of its own.
    OrderBatch, |generator| {
        let order = generator.subschema_for::<BatchOrder>();
        let other = "Anything else keeps no other order from being taken: its verdict is 422.";
        let orders = json_schema!({"type": "array", "minItems": 1, "maxItems": ORDERS,
            "items": {"anyOf": [order, {"description": other}]}});
        object([("orders", orders)], &["orders"])
    }
);

body!(
    /// See [`crate::ChangeRequest::parse`].
    Cancellation, |_generator| object([("reason", line(limits::REASON))], &[])
);

body!(
    /// See [`crate::ChangeRequest::parse`].
    Fulfilment, |_generator| object([("tracking", identifier(limits::TRACKING))], &[])
);

body!(
    /// See [`crate::desk::Redrive::parse`]. The queue knows the classes.
    RedriveRequest, |_generator| {
        let ids = json_schema!({"type": "array", "minItems": 1, "items": text_of(limits::LETTER_ID)});
        let class = json_schema!({"type": "string"});
        let all = json_schema!({"const": true});
        let pace = integer(1, limits::REDRIVEN_PER_SECOND);
        json_schema!({"anyOf": [
            object([("ids", ids)], &["ids"]),
            object([("class", class), ("per_second", pace.clone())], &["class"]),
            object([("all", all), ("per_second", pace)], &["all"]),
        ]})
    }
);

body!(
    /// See [`crate::desk::Decision::parse`].
    DecisionRequest, |_generator| {
        let fields = [("id", text_of(limits::LETTER_ID)), ("by", line(limits::NAME)), ("why", line(limits::REASON))];
        object(fields, &["id", "by", "why"])
    }
);

body!(
    /// See [`crate::desk::parse_available`].
    StockLevel, |_generator| object([("available", integer(0, limits::PIECES))], &["available"])
);

body!(
    /// See [`crate::desk::parse_by`].
    StockChange, |_generator| {
        let most = limits::PIECES as i64;
        object([("by", json_schema!({"type": "integer", "minimum": -most, "maximum": most}))], &["by"])
    }
);

body!(
    /// See [`crate::payment::read_word`]. All else is the provider's own.
    PaymentEvent, |_generator| {
        json_schema!({"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"],
            "additionalProperties": true})
    }
);

body!(
    /// What Stripe sends. Of its fields one is read, deep within.
    StripeEvent, |_generator| json_schema!({"type": "object"})
);

/// How an order is paid for: see `Means::read`.
impl JsonSchema for Means {
    fn schema_name() -> Cow<'static, str> {
        "PaymentMeans".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let token = json_schema!({"type": "string", "minLength": 1, "maxLength": limits::PAYMENT_TOKEN,
            "pattern": r#"^[!#-\[\]-~]+$"#});
        let id = || identifier(limits::PAYMENT_ID);
        let yes = || json_schema!({"const": true});
        json_schema!({"anyOf": [
            object([("token", token), ("customer", id())], &["token"]),
            object([("charge_id", id()), ("capture", yes())], &["charge_id"]),
            object([("later", yes())], &["later"]),
        ]})
    }
}

fn object<const N: usize>(fields: [(&str, Schema); N], required: &[&str]) -> Schema {
    let properties: serde_json::Map<String, serde_json::Value> =
        fields.into_iter().map(|(name, schema)| (name.to_owned(), schema.to_value())).collect();
    json_schema!({"type": "object", "properties": properties, "required": required})
}

/// All of them.
pub(super) fn all(generator: &mut SchemaGenerator) {
    generator.subschema_for::<OrderBatch>();
    generator.subschema_for::<Cancellation>();
    generator.subschema_for::<Fulfilment>();
    generator.subschema_for::<RedriveRequest>();
    generator.subschema_for::<DecisionRequest>();
    generator.subschema_for::<StockLevel>();
    generator.subschema_for::<StockChange>();
    generator.subschema_for::<PaymentEvent>();
    generator.subschema_for::<StripeEvent>();
}
