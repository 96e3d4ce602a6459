//! Stock: how many pieces of an article are left, and how many are held by orders that are confirmed, in work or given up.

use guest::{Answer, Redis, Request};
use http::Method;
use order::Sku;
use percent_encoding::percent_decode_str;
use queue::{Adjusted, Level, Stock};
use serde::{Deserialize, Serialize};

use crate::exchange::{answer, malformed, parameter, read};
use crate::problem::Problem;

/// Pieces of one article, at most: what JSON can carry everywhere, and no sum of them overflows.
const MOST: u64 = 1 << 50;

/// `GET /stock?cursor=`: a page of tracked articles, and the cursor for the next one.
pub(crate) async fn list(stock: &Stock<'_, Redis>, request: &Request) -> Result<Answer, Problem> {
    let (cursor, items) = stock.list(parameter(request, "cursor")?.unwrap_or(0)).await?;
    let stock = items.iter().map(|(sku, level)| Shown::new(sku, *level)).collect();
    answer(&Page { stock, cursor: (cursor != 0).then(|| cursor.to_string()) })
}

/// `GET`, `PUT {"available"}` and `PATCH {"by"}` on `/stock/{sku}`.
pub(crate) async fn article(stock: &Stock<'_, Redis>, request: Request, path: &str) -> Result<Answer, Problem> {
    let sku = percent_decode_str(path).decode_utf8().ok().and_then(|sku| sku.parse::<Sku>().ok());
    let sku = sku.ok_or(Problem::NotFound)?;
    let sku = sku.as_str();
    let method = request.method().clone();
    let level = match method {
        Method::GET => stock.read(sku).await?.ok_or(Problem::NotFound)?,
        Method::PUT => {
            let Wanted { available } = read(request).await?;
            if available > MOST {
                return Err(malformed("\"available\" is too large"));
            }
            stock.set(sku, available).await?
        }
        Method::PATCH => adjust(stock, sku, request).await?,
        _ => return Err(Problem::MethodNotAllowed { allow: "GET, PUT, PATCH" }),
    };
    answer(&Shown::new(sku, level))
}

async fn adjust(stock: &Stock<'_, Redis>, sku: &str, request: Request) -> Result<Level, Problem> {
    let Adjustment { by } = read(request).await?;
    if by.unsigned_abs() > MOST {
        return Err(malformed("\"by\" is too large"));
    }
    match stock.adjust(sku, by).await? {
        Adjusted::To(level) => Ok(level),
        Adjusted::Short(level) => Err(Problem::Short { left: level.available }),
        Adjusted::Untracked => Err(Problem::Untracked),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    available: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Adjustment {
    by: i64,
}

#[derive(Serialize)]
struct Page<'a> {
    stock: Vec<Shown<'a>>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Shown<'a> {
    sku: &'a str,
    available: u64,
    held: u64,
}

impl<'a> Shown<'a> {
    fn new(sku: &'a str, Level { available, held }: Level) -> Self {
        Self { sku, available, held }
    }
}
