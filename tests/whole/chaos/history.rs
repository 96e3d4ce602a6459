//! All that is known of one order, for a person.

use std::fmt::Write;

use super::model::Posted;
use super::world::{World, text};

/// The history of an order: what was sent and read, and what there is of it.
pub(crate) fn of(posted: &Posted, world: &World) -> String {
    let mut lines = format!("The history of {}:\n", posted.reference);
    for attempt in &posted.attempts {
        _ = writeln!(lines, "  sent {attempt}");
    }
    let ids = world.orders.iter().filter(|(id, kept)| {
        let payload = kept.dead.as_ref().map(|letter| letter.payload.as_bytes());
        let record = kept.record.as_ref().map(|(_, record)| record.as_slice());
        let is_named = |bytes: &[u8]| text(bytes).contains(&format!(r#""reference":"{}""#, posted.reference));
        posted.ids().any(|posted| posted == *id) || payload.or(record).is_some_and(is_named)
    });
    for (id, kept) in ids {
        _ = writeln!(lines, "  order {id}, {} superseded records", kept.superseded);
        if let Some((head, record)) = &kept.record {
            _ = writeln!(lines, "    record {head}: {}", text(record));
        }
        if let Some(letter) = &kept.dead {
            _ = writeln!(lines, "    dead letter: {:?}", letter.why);
            letter.history.iter().for_each(|incident| _ = writeln!(lines, "      {incident:?}"));
        }
        _ = writeln!(lines, "    GET answers {:?}", kept.shown);
        for (event, body) in world.log.iter().filter(|(event, _)| event.starts_with(id.as_str())) {
            _ = writeln!(lines, "    event {event}: {}", text(body));
            for endpoint in &world.endpoints {
                let told = endpoint.told.get(event).copied().unwrap_or_default();
                let dead = endpoint.dead.iter().find(|letter| text(&letter.id) == *event).map(|letter| &letter.why);
                _ = writeln!(lines, "      {}: {told:?} {dead:?}", endpoint.name);
            }
        }
    }
    lines
}
