//! Running a Lua script: by its digest, and in full where Redis has forgotten it.

use std::sync::OnceLock;

use crate::connection::{Arg, Connection, Error, Reply};
use crate::queue::Namespace;

/// One of the files in `scripts/`, with the prelude in front of it.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    body: &'static str,
    digest: OnceLock<String>,
}

const PRELUDE: &str = include_str!("scripts/prelude.lua");

macro_rules! scripts {
    ($($constant:ident = $file:literal;)*) => {
        $(pub(crate) static $constant: Script = Script {
            name: $file,
            body: include_str!(concat!("scripts/", $file)),
            digest: OnceLock::new(),
        };)*
    };
}

scripts! {
    ACCEPT = "accept.lua";
    CLAIM = "claim.lua";
    DEAD = "dead.lua";
    FIND = "find.lua";
    LANES = "lanes.lua";
    REARM = "rearm.lua";
    REDRIVE = "redrive.lua";
    RENEW = "renew.lua";
    RING = "ring.lua";
    SETTLE = "settle.lua";
    STATS = "stats.lua";
}

impl Script {
    fn source(&self) -> String {
        [PRELUDE, self.body].concat()
    }

    /// Runs the script on the namespace's keys.
    pub(crate) async fn run<C: Connection>(
        &'static self,
        connection: &C,
        namespace: &Namespace,
        arguments: Vec<Arg>,
    ) -> Result<Replies, Error> {
        let digest = self.digest.get_or_init(|| sha1_smol::Sha1::from(self.source()).digest().to_string());
        let call = |script: &str, arguments: Vec<Arg>| {
            let keys = [Arg::from(script), Arg::Int(1), Arg::from(namespace.as_str())];
            keys.into_iter().chain(arguments).collect::<Vec<_>>()
        };
        let replies = match connection.execute("EVALSHA", call(digest, arguments.clone())).await {
            // A restarted or failed-over Redis has an empty script cache. Nothing was run.
            Err(Error::Failed(failure)) if is_unknown_script(&failure) => {
                connection.execute("EVAL", call(&self.source(), arguments)).await?
            }
            other => other?,
        };
        Ok(Replies { script: self.name, replies: replies.into_iter() })
    }
}

/// Whether an [`Error::Failed`] says that Redis does not know a script by its digest, which is mended by sending it in
/// full. Client libraries drop or rename the code `NOSCRIPT`, but keep the server's sentence.
pub fn is_unknown_script(failure: &str) -> bool {
    failure.contains("No matching script")
}

/// A flat reply, read element by element.
pub(crate) struct Replies {
    script: &'static str,
    replies: std::vec::IntoIter<Reply>,
}

impl Replies {
    pub(crate) fn is_empty(&self) -> bool {
        self.replies.len() == 0
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        match self.replies.next() {
            Some(Reply::Bytes(bytes)) => Ok(bytes),
            other => Err(self.unexpected("a string", other)),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, Error> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes).map_err(|error| self.unexpected("UTF-8", Some(Reply::Bytes(error.into_bytes()))))
    }

    pub(crate) fn number(&mut self) -> Result<u64, Error> {
        match self.replies.next() {
            Some(Reply::Int(number)) if number >= 0 => Ok(number as u64),
            other => Err(self.unexpected("a number", other)),
        }
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.number()? != 0)
    }

    /// Every remaining element as a flag.
    pub(crate) fn flags(mut self) -> Result<Vec<bool>, Error> {
        let mut flags = Vec::with_capacity(self.replies.len());
        while !self.is_empty() {
            flags.push(self.flag()?);
        }
        Ok(flags)
    }

    pub(crate) fn unexpected(&self, wanted: &str, got: Option<Reply>) -> Error {
        Error::Unexpected { script: self.script, detail: format!("wanted {wanted}, got {got:?}") }
    }
}
