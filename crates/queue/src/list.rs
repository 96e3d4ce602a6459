//! Listing what was accepted, the newest first, at the same cost however much there is.

use crate::accept::Tag;
use crate::connection::{Arg, Connection, Error};
use crate::limits::AT_ONCE;
use crate::message::MessageId;
use crate::queue::Queue;
use crate::script::{self, Arguments};

/// Which messages are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing<'a> {
    /// Whose, and what they have in common.
    pub of: ListOf<'a>,
    /// Since when they came, in ms since the epoch by queue time. By tag, up to 30 days more are listed.
    pub from: u64,
    /// Until when. By tag, as above.
    pub till: u64,
}

/// Whose messages are listed, or by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOf<'a> {
    /// All.
    All,
    /// Those of one owner.
    Owner(&'a str),
    /// Those that have the tag, whose ever they are. There may be others among them, because a tag is short.
    Tag(Tag),
}

/// The place of a message in a list. It stays the same while others come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListPlace(pub [u8; 12]);

/// Later than any message comes: Lua writes no larger number without an exponent.
pub const END_OF_TIME: u64 = 99_999_999_999_999;

impl<C: Connection> Queue<'_, C> {
    /// Lists at most `most` messages in the namespace of this queue, those that come after a place, and each with its
    /// own. If there are fewer, those are the last ones.
    pub async fn list(
        &self,
        listing: &Listing<'_>,
        after: Option<ListPlace>,
        most: usize,
    ) -> Result<Vec<(MessageId, ListPlace)>, Error> {
        debug_assert!((1..=AT_ONCE).contains(&most), "{most} are not to be listed by one call");
        let (owner, tag) = match listing.of {
            ListOf::All => ("", None),
            ListOf::Owner(owner) => (owner, None),
            ListOf::Tag(tag) => ("", Some(tag)),
        };
        let arguments = Arguments::new(&script::LIST)
            .with("owner", owner)
            .with("tag", Tag::write_all(tag.as_slice()))
            .with("from_ms", listing.from.min(END_OF_TIME))
            .with("till_ms", listing.till.min(END_OF_TIME))
            .with("after", after.map_or(Arg::from(""), |ListPlace(place)| Arg::from(&place[..])))
            .with("most", most);
        let mut replies = self.run(arguments).await?;
        let mut listed = Vec::with_capacity(most);
        while !replies.is_empty() {
            let (id, place) = (replies.bytes("id")?, replies.bytes("place")?);
            let place = place.try_into().map_err(|_| replies.unexpected("place", "of 12 bytes"))?;
            listed.push((MessageId::from(id), ListPlace(place)));
        }
        Ok(listed)
    }
}
