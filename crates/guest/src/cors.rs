//! Which pages may call from a browser (Fetch Standard, section 3.2): those of the origins in the variable
//! `cors_origins`. Other clients have no use for it, and send no origin.

use http::{Method, Uri};

use crate::request::Request;
use crate::response::Response;
use crate::settings::{SettingError, Settings};

const VARIABLE: &str = "cors_origins";

/// What a page may send and read beyond what each page may.
const SENT: &str = "authorization, content-type, idempotency-key, if-none-match, traceparent";
const READ: &str =
    "allow, etag, idempotency-replayed, location, ratelimit, ratelimit-policy, retry-after, www-authenticate";

/// For how long a browser needn't ask again, in seconds. Browsers keep it no longer than two hours.
const REMEMBERED: &str = "7200";

/// The page that a request comes from.
pub(crate) struct Page {
    origin: String,
    /// The browser asks beforehand, without the caller's key.
    is_preflight: bool,
}

impl Settings {
    /// Finds a fault of this variable. An origin that is written otherwise than browsers write it lets no page in.
    pub(crate) async fn cors_fault(&self) -> Option<SettingError> {
        match self.text(VARIABLE).await {
            Ok(text) => check(&text).err().map(|fault| self.error(VARIABLE, fault)),
            Err(fault) => Some(fault),
        }
    }
}

/// The origins, which have white space or commas between them.
fn origins(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|origin| !origin.is_empty())
}

fn check(text: &str) -> Result<(), String> {
    origins(text).try_for_each(|origin| {
        let fault = || format!("has {origin:?}, but must name origins like https://shop.example, with a blank between");
        let uri: Uri = origin.parse().map_err(|_| fault())?;
        let (scheme, authority) = (uri.scheme_str(), uri.authority().map(|authority| authority.as_str()));
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (scheme, authority) else { return Err(fault()) };
        // As browsers write it: without a path, and in small letters.
        let is_plain = format!("{scheme}://{}", authority.to_ascii_lowercase()) == origin;
        if is_plain { Ok(()) } else { Err(fault()) }
    })
}

impl Page {
    /// What the page asks for that a request comes from; `None` if it comes from none.
    pub(crate) fn by(request: &Request) -> Option<Self> {
        let origin = request.header("origin")?.to_owned();
        let asks_beforehand = request.header("access-control-request-method").is_some();
        Some(Self { origin, is_preflight: *request.method() == Method::OPTIONS && asks_beforehand })
    }

    /// Lets the page have this answer, if its origin is named. A component that isn't given the variable lets none.
    pub(crate) async fn allow(self, answer: Response, methods: Option<String>) -> Response {
        let text = Settings::new("").text(VARIABLE).await.unwrap_or_default();
        if text.is_empty() {
            return answer;
        }
        // A cache must not give one page's answer to another.
        let answer = answer.with("vary", "origin");
        if !origins(&text).any(|origin| origin == self.origin) {
            return answer;
        }
        let answer = answer.with("access-control-allow-origin", self.origin);
        if !self.is_preflight {
            return answer.with("access-control-expose-headers", READ);
        }
        let answer = answer.with("access-control-allow-methods", methods.unwrap_or_default());
        answer.with("access-control-allow-headers", SENT).with("access-control-max-age", REMEMBERED)
    }
}

#[cfg(test)]
mod tests {
    use super::{check, origins};

    #[test]
    fn origins_are_as_browsers_write_them() {
        for both in ["https://shop.example http://localhost:8080", " https://shop.example,\n http://localhost:8080 "] {
            assert_eq!(check(both), Ok(()));
            assert!(origins(both).eq(["https://shop.example", "http://localhost:8080"]));
        }
        assert!(check("").is_ok() && origins("").next().is_none());
        for bad in ["*", "shop.example", "https://shop.example/", "https://Shop.example", "ftp://shop.example", "null"]
        {
            assert!(check(bad).is_err_and(|fault| fault.contains(bad)), "{bad}");
        }
    }
}
