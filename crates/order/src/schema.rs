//! What the JSON of this crate looks like, for the description of the API: JSON Schema, made from the types themselves.
//! Nothing that ships is built with it.

mod bodies;

use schemars::SchemaGenerator;

use crate::answers::{ChangeAccepted, OrderList};
use crate::batch::BatchAnswer;
use crate::desk::told;
use crate::event::Event;
use crate::fault::Fault;
use crate::new_order::NewOrder;
use crate::view::View;

/// What callers send.
pub fn requests(generator: &mut SchemaGenerator) {
    generator.subschema_for::<NewOrder>();
    bodies::all(generator);
}

/// What callers and endpoints get.
pub fn answers(generator: &mut SchemaGenerator) {
    generator.subschema_for::<View<'_>>();
    generator.subschema_for::<OrderList<'_>>();
    generator.subschema_for::<ChangeAccepted>();
    generator.subschema_for::<BatchAnswer<'_>>();
    generator.subschema_for::<Event<'_>>();
    generator.subschema_for::<Fault>();
    generator.subschema_for::<told::Overview>();
    generator.subschema_for::<told::LetterPage<'_>>();
    generator.subschema_for::<told::Redriven>();
    generator.subschema_for::<told::DiscardAnswer>();
    generator.subschema_for::<told::SettleAnswer>();
    generator.subschema_for::<told::StockPage<'_>>();
    generator.subschema_for::<told::EndpointList<'_>>();
    generator.subschema_for::<told::Removed>();
}
