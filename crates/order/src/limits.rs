//! Every number that bounds an order, with its reason.
//!
//! Lengths of strings are in characters (Unicode scalar values) unless the name says bytes. Messages and records that
//! are already stored are checked against these limits when they are read. So a limit is lowered only with a new
//! version of the [message](crate::Placed). To raise one takes a new version too, or two releases: an older build takes
//! what is beyond its limit for damage.

/// Bytes of a request's body: room for the largest order of ordinary text, and small enough that 16 concurrent requests
/// of one instance stay within a few megabytes.
pub const BODY_BYTES: usize = 256 * 1024;

/// Bytes of a stored message or record: an order, and the fields that Sluice adds.
pub const STORED_BYTES: usize = BODY_BYTES + 64 * 1024;

/// Faults that are reported of one body: more than a person will mend in one go.
pub const FAULTS: usize = 100;

/// Characters of one name within a fault's pointer. Names come from the request, and are cut here so that the answer to
/// a bad body is not larger than the body.
pub const POINTER_TOKEN_CHARS: usize = 100;

/// Orders in an answer that lists them, unless the request asks for another number.
pub const LISTED: usize = 20;

/// Orders in one such answer at most: Redis looks them up by one call, in less than a millisecond.
pub const MOST_LISTED: usize = 100;

/// Lines of an order. All of them are held in stock by one script, which blocks Redis while it runs.
pub const LINES: usize = 100;

/// Pieces in one line. A larger number is nearly always a slip.
pub const QUANTITY: u16 = 1_000;

/// Price of one piece, in minor units: 10,000 million of a currency with cents, which leaves room for a car in rials.
pub const UNIT_PRICE: u64 = 1_000_000_000_000;

/// Total of an order, in minor units: 2⁵³ − 1, the largest integer that every JSON reader keeps exactly (RFC 8259,
/// section 6).
pub const TOTAL: u64 = (1 << 53) - 1;

/// Discounts of one order, beside those of its lines: several codes, and what the shop grants by itself. Each event
/// tells all of them.
pub const DISCOUNTS: usize = 20;

/// Taxes of one order: a sale in the United States has up to six, and an order may have goods of several rates.
pub const TAXES: usize = 20;

/// Digits behind the point of a tax's rate in percent. The finest in use have three, such as 8.875 in New York.
pub const TAX_RATE_DECIMALS: usize = 6;

/// The name of a discount, of a tax or of a way to send an order: a line of a receipt.
pub const LABEL: usize = 100;

/// What a customer types in to get a discount.
pub const DISCOUNT_CODE: usize = 64;

/// Version of a record: 2⁵³ − 1, as for [`TOTAL`]. One change each millisecond would take 285,000 years to get there.
pub const VERSION: u64 = (1 << 53) - 1;

/// Bytes of an e-mail address: RFC 5321 allows a path of 256 with its two angle brackets (erratum 1690 of RFC 3696).
pub const EMAIL_BYTES: usize = 254;

/// Characters of an idempotency key, all of them ASCII; as most payment APIs have it.
pub const IDEMPOTENCY_KEY_CHARS: usize = 255;

/// The shop's own number of the order.
pub const REFERENCE: usize = 64;

/// A stock-keeping unit; longer ones don't fit a label.
pub const SKU: usize = 64;

/// The name of a person or an article.
pub const NAME: usize = 200;

/// A telephone number: 15 digits (ITU-T E.164), written with spaces, brackets and an extension.
pub const PHONE: usize = 32;

/// One line of an address.
pub const ADDRESS_LINE: usize = 200;

/// A city or a region: the longest name of a place in daily use has 85 characters.
pub const LOCALITY: usize = 100;

/// A postal code; the longest in use have 10 characters.
pub const POSTAL_CODE: usize = 16;

/// A note to the shop: about a page.
pub const NOTE: usize = 2_000;

/// Entries of an order's metadata, and the lengths of a key and a value.
pub const METADATA_ENTRIES: usize = 50;
/// See [`METADATA_ENTRIES`].
pub const METADATA_KEY: usize = 40;
/// See [`METADATA_ENTRIES`].
pub const METADATA_VALUE: usize = 500;

/// The reason of a refusal: a sentence or two, with the articles that were short.
pub const REASON: usize = 1_000;

/// Characters that are kept of a payment provider's reason for declining.
pub const DECLINED: usize = 500;

/// A payment provider's id of a charge or a refund; those of the large ones have up to 40.
pub const PAYMENT_ID: usize = 128;

/// Where a customer goes to complete a payment, all ASCII: as long as any browser or proxy takes.
pub const NEXT_ACTION: usize = 2_048;

/// What stands for a card at a payment provider. Those of wallets are the longest.
pub const PAYMENT_TOKEN: usize = 4_096;

/// A payment provider's host and port: a name in the DNS has up to 253, and a port 6 with its colon.
pub const PROVIDER: usize = 260;

/// A carrier's number of a parcel, or a link to it.
pub const TRACKING: usize = 200;

/// 9999-12-31T23:59:59.999Z in milliseconds since 1970: RFC 3339 writes a year with four digits.
pub const TIMESTAMP_MS: u64 = 253_402_300_799_999;

/// Pieces of one article that may be left, and that one change may add or take away: every JSON reader and Redis's Lua
/// keep the number exactly, and what orders hold can still come back to it.
pub const PIECES: u64 = 1 << 50;

/// Dead letters that may go back each second: more than a Redis can take.
pub const REDRIVEN_PER_SECOND: u64 = 1_000_000;

/// Characters of a dead letter's id: an event's has a UUID, a state and a number.
pub const LETTER_ID: usize = 200;

/// Bytes of the longest character in UTF-8.
const CHARACTER_BYTES: usize = 4;

const _: () = assert!(
    UNIT_PRICE.checked_mul(QUANTITY as u64 * LINES as u64).is_some(),
    "the sum of the dearest lines must fit 64 bits, so that it can be compared with TOTAL"
);
const _: () = assert!(UNIT_PRICE * QUANTITY as u64 <= TOTAL, "an order of one line must never exceed TOTAL");
const _: () = assert!(DECLINED + 64 <= REASON, "a provider's words and our own before them must fit a reason");
const _: () = assert!(TIMESTAMP_MS < 1 << 48, "UUIDv7 has 48 bits for the time");
const _: () = assert!(
    LINES * ((SKU + NAME) * CHARACTER_BYTES + 128)
        + METADATA_ENTRIES * ((METADATA_KEY + METADATA_VALUE) * CHARACTER_BYTES + 8)
        + DISCOUNTS * ((DISCOUNT_CODE + LABEL) * CHARACTER_BYTES + 64)
        + TAXES * (LABEL * CHARACTER_BYTES + 64)
        + (NOTE + LABEL) * CHARACTER_BYTES
        <= BODY_BYTES,
    "an order with every line, discount and tax, all metadata and a note filled, in any script, must fit a body"
);
const _: () = assert!(
    STORED_BYTES
        >= BODY_BYTES
            + (2 * REASON + NAME + 2 * PAYMENT_ID + PROVIDER + TRACKING) * CHARACTER_BYTES
            + LINES * (SKU * CHARACTER_BYTES + 64)
            + NEXT_ACTION
            + 1024,
    "what is stored must fit an order of the largest size, what is said about it, and 1 KiB for times and names of fields"
);
