//! The id of a message in the queue of orders. It tells the order and the change, so nobody needs to read the payload.

use crate::id::OrderId;
use crate::life::Move;
use serde::Serialize;
use std::fmt;

/// A change that a shop, support or an operator can ask for. The other [moves](Move) of an order follow from processing
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ChangeKind {
    /// Note that the goods went out.
    Fulfil,
    /// Call the order off.
    Cancel,
    /// Take out who its customer is. The order stays where it stands.
    Erase,
}

/// The id of a message in the queue of orders. An order has one message of each kind at a time, so to ask twice is to
/// ask once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandId {
    /// The order that the message is about.
    pub order: OrderId,
    /// The change that it asks for; `None` for the message that carries the order itself.
    pub change: Option<ChangeKind>,
}

impl ChangeKind {
    /// All of them, in the order in which a shop is shown them.
    pub const ALL: [Self; 3] = [Self::Fulfil, Self::Cancel, Self::Erase];

    /// Reads the name that `Display` writes.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Fulfil => "fulfil",
            Self::Cancel => "cancel",
            Self::Erase => "erase",
        }
    }

    /// The order's move, if the change is one.
    pub(crate) fn step(self) -> Option<Move> {
        match self {
            Self::Fulfil => Some(Move::Fulfil),
            Self::Cancel => Some(Move::Cancel),
            Self::Erase => None,
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl CommandId {
    /// The bytes: the order's own 16, or its text with the change behind a slash.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        match self.change {
            Some(_) => self.to_string().into_bytes(),
            None => self.order.as_bytes().to_vec(),
        }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` for anything else.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if let Some(order) = OrderId::from_slice(bytes) {
            return Some(Self { order, change: None });
        }
        let (order, change) = str::from_utf8(bytes).ok()?.split_once('/')?;
        Some(Self { order: order.parse().ok()?, change: Some(ChangeKind::parse(change)?) })
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.order.fmt(f)?;
        match self.change {
            Some(change) => write!(f, "/{change}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

    #[test]
    fn an_id_is_read_as_it_was_written() {
        let order: OrderId = ORDER.parse().unwrap();
        for change in [None].into_iter().chain(ChangeKind::ALL.map(Some)) {
            let id = CommandId { order, change };
            assert_eq!(CommandId::parse(&id.to_bytes()), Some(id));
        }
        let cancel = CommandId { order, change: Some(ChangeKind::Cancel) };
        assert_eq!(cancel.to_bytes(), format!("{ORDER}/cancel").into_bytes());
    }

    #[test]
    fn no_other_bytes_are_an_id() {
        for bad in
            ["", ORDER, &format!("{ORDER}/"), &format!("{ORDER}/confirm"), &format!("{ORDER}/cancel/"), "x/cancel"]
        {
            assert_eq!(CommandId::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
