//! Who sent a request, and whether they may.

use std::cell::RefCell;
use std::rc::Rc;

use access::{Allowed, ApiKey, CallerName, Role, Route, Unrouted};
use queue::Rate;
use subtle::ConstantTimeEq;

use crate::api_keys::{ApiKeys, OPERATOR};
use crate::problem::Problem;
use crate::request::Request;
use crate::settings::{SettingError, Settings};

/// Who sent a request that may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What they may do.
    pub role: Role,
    /// Their name; `None` while there are no API keys, and orders belong to nobody.
    pub name: Option<CallerName>,
    /// How many orders they may send, if that is limited.
    pub rate: Option<Rate>,
}

/// What opens the application to callers. An instance keeps its settings.
struct Keys {
    api_keys: ApiKeys,
    operator_key: Result<Option<String>, SettingError>,
}

/// Shorter keys can be guessed.
const LEAST_KEY_BYTES: usize = 16;

impl Caller {
    /// Finds out who sends a request, and whether they may call its route. Nothing else of the request is looked at
    /// before.
    ///
    /// While no API key is set, the routes of shops are open to everybody; and while no operator's key is set either,
    /// all are.
    ///
    /// # Errors
    /// `nothing` if there is no such route, and what else is wrong.
    pub async fn admit(settings: &Settings, request: &Request, nothing: Problem) -> Result<Self, Problem> {
        let route = Route::find(request.method(), request.path()).map_err(|unrouted| match unrouted {
            Unrouted::NoSuchPath => nothing,
            Unrouted::OtherMethods(allow) => Problem::MethodNotAllowed { allow },
        })?;
        let Allowed::Roles(roles) = route.allowed else {
            return Ok(Self { role: Role::Operator, name: None, rate: None });
        };
        let keys = Keys::get(settings).await?;
        let caller = keys.caller(sent(request), roles)?;
        if roles.contains(&caller.role) { Ok(caller) } else { Err(Problem::Forbidden { role: caller.role, roles }) }
    }

    /// The shop whose orders are all that they may see, if they may not see all. Orders that came before there were
    /// keys are nobody's, and everybody sees them.
    pub fn sees_only(&self) -> Option<&CallerName> {
        self.name.as_ref().filter(|_| self.role == Role::Shop)
    }
}

/// The key in the header `Authorization: Bearer`. The scheme's case means nothing (RFC 9110, section 11.1). Of several
/// such headers none counts: a proxy may have read another one than this.
fn sent(request: &Request) -> Option<&str> {
    let mut headers = request.headers("authorization");
    let (Some(header), None) = (headers.next(), headers.next()) else { return None };
    let (scheme, key) = header?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

impl Keys {
    async fn get(settings: &Settings) -> Result<Rc<Self>, SettingError> {
        thread_local! {
            static KEYS: RefCell<Option<Rc<Keys>>> = const { RefCell::new(None) };
        }
        if let Some(keys) = KEYS.with_borrow(Clone::clone) {
            return Ok(keys);
        }
        let keys = Rc::new(Self { api_keys: settings.api_keys().await?, operator_key: settings.operator_key().await });
        if keys.operator_key.is_ok() {
            KEYS.set(Some(keys.clone()));
        }
        Ok(keys)
    }

    fn caller(&self, sent: Option<&str>, roles: &[Role]) -> Result<Caller, Problem> {
        if let Some((name, role, rate)) = sent.and_then(|key| self.api_keys.caller(key)) {
            return Ok(Caller { role, name: Some(name.clone()), rate });
        }
        let name = if self.api_keys.is_empty() { None } else { OPERATOR.parse().ok() };
        let operator = Caller { role: Role::Operator, name, rate: None };
        let is_open = self.api_keys.is_empty();
        match &self.operator_key {
            Ok(None) if is_open => Ok(operator),
            Ok(Some(key)) if sent.is_some_and(|sent| sent.as_bytes().ct_eq(key.as_bytes()).into()) => Ok(operator),
            _ if is_open && roles.contains(&Role::Shop) => Ok(Caller { role: Role::Shop, name: None, rate: None }),
            Err(error) => Err(Problem::Misconfigured(error.clone())),
            Ok(_) => Err(match sent {
                Some(key) if ApiKey::is_damaged(key) => Problem::DamagedKey,
                _ => Problem::Unauthorized,
            }),
        }
    }
}

impl Settings {
    /// The operator's key; `None` while none is configured.
    pub async fn operator_key(&self) -> Result<Option<String>, SettingError> {
        let key = self.text("operator_key").await?;
        if !key.is_empty() && key.len() < LEAST_KEY_BYTES {
            return Err(self.error("operator_key", format!("must have at least {LEAST_KEY_BYTES} characters")));
        }
        // No other key can be sent in a header.
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.error("operator_key", "must be visible ASCII characters without spaces".to_owned()));
        }
        Ok(Some(key).filter(|key| !key.is_empty()))
    }
}
