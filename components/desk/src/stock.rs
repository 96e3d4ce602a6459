//! Stock: how many pieces of an article are left, and how many are held by orders that are confirmed, in work or given
//! up.

use std::num::NonZeroU64;
use std::time::Duration;

use guest::{Problem, Redis, Request, Response, idempotency_key};
use order::desk::told::{ShownStock, StockPage};
use order::limits::PIECES;
use order::{Sku, desk};
use percent_encoding::percent_decode_str;
use queue::{Adjusted, Adjustment, IdempotencyRecord, Level, Stock, StockCursor};

use crate::exchange::{answer, malformed, parameter, read};

/// `GET /stock?cursor=`: a page of tracked articles, and the cursor for the next one.
pub(crate) async fn list(stock: &Stock<'_, Redis>, request: &Request) -> Result<Response, Problem> {
    // Without a cursor, and with 0, the listing begins.
    let from = parameter(request, "cursor")?.and_then(NonZeroU64::new).map(StockCursor);
    let (items, next) = stock.list(from).await?;
    let stock = items.iter().map(|(sku, level)| shown(sku, *level)).collect();
    Ok(answer(&StockPage { stock, cursor: next.map(|StockCursor(cursor)| cursor.to_string()) }))
}

/// Reads the SKU in a path `/stock/{sku}`, as the SKU in an order is read.
pub(crate) fn sku(path: &str) -> Result<Sku, Problem> {
    let sku = path.strip_prefix("/stock/").unwrap_or_default();
    let sku = percent_decode_str(sku).decode_utf8();
    let sku = sku.map_err(|_| malformed("The SKU in the path must be percent-encoded UTF-8"))?;
    Sku::named(&sku).map_err(|fault| malformed(&format!("The SKU in the path {fault}")))
}

/// `GET /stock/{sku}`.
pub(crate) async fn show(stock: &Stock<'_, Redis>, sku: &Sku) -> Result<Response, Problem> {
    let level = stock.read(sku.as_str()).await?.ok_or(Problem::Untracked)?;
    Ok(answer(&shown(sku.as_str(), level)))
}

/// `PUT /stock/{sku} {"available"}`: how many pieces are left.
pub(crate) async fn set(stock: &Stock<'_, Redis>, sku: &Sku, request: Request) -> Result<Response, Problem> {
    let available = read(request, desk::parse_available).await?;
    let level = stock.set(sku.as_str(), available).await?;
    Ok(answer(&shown(sku.as_str(), level)))
}

/// `PATCH /stock/{sku} {"by"}`: pieces came in, or were taken away. Once per Idempotency-Key, which is remembered for
/// `ttl`.
pub(crate) async fn adjust(
    stock: &Stock<'_, Redis>,
    sku: &Sku,
    request: Request,
    ttl: Duration,
) -> Result<Response, Problem> {
    let key = idempotency_key(&request)?;
    let by = read(request, desk::parse_by).await?;
    let idempotency = key.map(|key| IdempotencyRecord {
        digest: key.stock_digest(),
        fingerprint: desk::stock_fingerprint(sku, by),
        ttl,
    });
    let adjustment = Adjustment { by, most: PIECES, idempotency };
    let told = |level| answer(&shown(sku.as_str(), level));
    match stock.adjust(sku.as_str(), &adjustment).await? {
        Adjusted::To(level) => Ok(told(level)),
        Adjusted::Replayed(level) => Ok(told(level).with("idempotency-replayed", "true")),
        Adjusted::Conflict => Err(Problem::StockKeyReused),
        Adjusted::Short(level) => Err(Problem::NotEnoughStock { left: level.available }),
        Adjusted::Over(level) => Err(Problem::TooMuchStock { left: level.available }),
        Adjusted::Untracked => Err(Problem::Untracked),
    }
}

fn shown(sku: &str, Level { available, held }: Level) -> ShownStock<'_> {
    ShownStock { sku, available, held }
}
