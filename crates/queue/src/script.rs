//! Running a Lua script: by its digest, and in full where Redis has forgotten it.

use serde::de::DeserializeOwned;

use crate::connection::{Arg, Connection, Error, Reply};
use crate::queue::Namespace;

/// One of the files in `scripts/`, without its comments.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    body: &'static str,
    /// SHA-1 of the prelude and the body, in hex: what Redis knows the script by.
    pub(crate) digest: &'static str,
}

// One static for each file, and the prelude that goes before each: see build.rs.
include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

impl Script {
    /// What is sent in full.
    pub(crate) fn text(&self) -> String {
        [PRELUDE, self.body].concat()
    }

    /// Runs the script on the namespace's keys.
    pub(crate) async fn run<C: Connection>(
        &'static self,
        connection: &C,
        namespace: &Namespace,
        arguments: Vec<Arg>,
    ) -> Result<Replies, Error> {
        let call = |script: &str, arguments: Vec<Arg>| {
            let keys = [Arg::from(script), Arg::Int(1), Arg::from(namespace.as_str())];
            keys.into_iter().chain(arguments).collect::<Vec<_>>()
        };
        let replies = match connection.execute("EVALSHA", call(self.digest, arguments.clone())).await {
            // A restarted or failed-over Redis has an empty script cache. Nothing was run.
            Err(Error::Failed(failure)) if is_unknown_script(&failure) => {
                connection.execute("EVAL", call(&self.text(), arguments)).await?
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
            _ => Err(self.unexpected("a string")),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, Error> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes).map_err(|_| self.unexpected("UTF-8"))
    }

    pub(crate) fn number(&mut self) -> Result<u64, Error> {
        match self.replies.next() {
            Some(Reply::Int(number)) if number >= 0 => Ok(number as u64),
            _ => Err(self.unexpected("a number")),
        }
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.number()? != 0)
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let json = self.bytes()?;
        serde_json::from_slice(&json)
            .map_err(|error| Error::Unexpected { script: self.script, detail: error.to_string() })
    }

    /// Every remaining element as a flag.
    pub(crate) fn flags(mut self) -> Result<Vec<bool>, Error> {
        let mut flags = Vec::with_capacity(self.replies.len());
        while !self.is_empty() {
            flags.push(self.flag()?);
        }
        Ok(flags)
    }

    pub(crate) fn unexpected(&self, wanted: &str) -> Error {
        Error::Unexpected { script: self.script, detail: format!("it lacks {wanted}") }
    }
}
