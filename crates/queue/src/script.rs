//! Running a Lua script: by its digest, and in full where Redis has forgotten it.
//!
//! A script names what it takes and what it gives, each once: `local queue, id = unpack(ARGV, 1, 2)`, or
//! `local id, delivery = take(2)` for what comes many times, and `reply[#reply + 1] = {id, delivery}`. Rust writes and
//! reads the same names in the same order. build.rs finds the names in the scripts, and a build with debug assertions
//! compares the two at each call.

#[cfg(test)]
mod agreement;
#[cfg(any(debug_assertions, feature = "native"))]
pub(crate) mod names;
pub(crate) mod replies;

use lz4_flex::block::decompress_with_dict;

use crate::connection::{Arg, Connection, Error};
use crate::namespace::Namespace;
use replies::Replies;

/// One of the files in `scripts/`, without its comments.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    /// The parts of the prelude that it needs: where each begins and ends.
    parts: &'static [(usize, usize)],
    /// It often says what the prelude says.
    body: Packed,
    /// SHA-1 of these parts and the body, in hex: Redis knows the script by it.
    pub(crate) digest: &'static str,
    /// The names that it takes: first those that come once, then each group that may come often.
    #[cfg(any(debug_assertions, feature = "native"))]
    pub(crate) takes: names::Lists,
    /// The names that it gives, for each kind of reply.
    #[cfg(any(debug_assertions, feature = "native"))]
    pub(crate) gives: names::Lists,
}

/// A text in LZ4's block format.
struct Packed {
    bytes: &'static [u8],
    length: usize,
}

// One static for each file, and the prelude of which each has some parts before it: see build.rs.
include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

impl Script {
    /// The whole script, as `EVAL` sends it.
    pub(crate) fn text(&self) -> String {
        let prelude = PRELUDE.unpacked("");
        let body = self.body.unpacked(&prelude);
        self.parts.iter().map(|&(begin, end)| &prelude[begin..end]).chain([body.as_str()]).collect()
    }
}

impl Packed {
    fn unpacked(&self, dictionary: &str) -> String {
        let text = decompress_with_dict(self.bytes, self.length, dictionary.as_bytes());
        text.ok().and_then(|text| String::from_utf8(text).ok()).expect("build.rs packed a text")
    }
}

/// Whether an [`Error::Failed`] says that Redis does not know a script by its digest. Then the script is sent in full.
/// Client libraries drop or rename the code `NOSCRIPT`, but keep the server's sentence.
pub fn is_unknown_script(failure: &str) -> bool {
    failure.contains("No matching script")
}

/// A script and the arguments of one call, in the order in which it takes them.
pub(crate) struct Arguments {
    script: &'static Script,
    values: Vec<Arg>,
    #[cfg(debug_assertions)]
    names: names::Trail,
}

impl Arguments {
    /// No arguments yet.
    pub(crate) fn new(script: &'static Script) -> Self {
        Self {
            script,
            values: Vec::new(),
            #[cfg(debug_assertions)]
            names: names::Trail::new(script.takes),
        }
    }

    /// The same with one more.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Arg>) -> Self {
        self.push(name, value.into());
        self
    }

    /// Adds one more. Only a build with debug assertions looks at its name.
    #[inline]
    pub(crate) fn push(&mut self, name: &'static str, value: Arg) {
        #[cfg(debug_assertions)]
        self.names.follow(self.script.name, name);
        #[cfg(not(debug_assertions))]
        let _ = name;
        self.values.push(value);
    }

    /// Runs the script on the namespace's keys. Its last argument is what the caller's clock shows: see the prelude.
    pub(crate) async fn run<C: Connection>(self, connection: &C, namespace: &Namespace) -> Result<Replies, Error> {
        #[cfg(debug_assertions)]
        assert!(self.names.is_over(), "{} takes more arguments: {:?}", self.script.name, self.script.takes);
        let Self { script, values, .. } = self;
        let call = |script: &str, values: Vec<Arg>| {
            let keys = [Arg::from(script), Arg::Int(1), Arg::from(namespace.as_str())];
            keys.into_iter().chain(values).chain([Arg::from(connection.clock_ms())]).collect::<Vec<_>>()
        };
        let replies = match connection.execute("EVALSHA", call(script.digest, values.clone())).await {
            // A restarted or failed-over Redis has an empty script cache. Nothing was run.
            Err(Error::Failed(failure)) if is_unknown_script(&failure) => {
                connection.execute("EVAL", call(&script.text(), values)).await?
            }
            other => other?,
        };
        Ok(Replies::new(script, replies))
    }

    /// Runs the script without a key. Its last argument is there too.
    pub(crate) async fn run_without_keys<C: Connection>(self, connection: &C) -> Result<Replies, Error> {
        #[cfg(debug_assertions)]
        assert!(self.names.is_over(), "{} takes more arguments: {:?}", self.script.name, self.script.takes);
        let Self { script, values, .. } = self;
        let call = |script: &str| {
            let values = values.iter().cloned().chain([Arg::from(connection.clock_ms())]);
            [Arg::from(script), Arg::Int(0)].into_iter().chain(values).collect()
        };
        let replies = match connection.execute("EVALSHA", call(script.digest)).await {
            // A user who lacks one of the two may have the other.
            Err(Error::Failed(failure)) if is_unknown_script(&failure) || is_refused(&failure) => {
                connection.execute("EVAL", call(&script.text())).await?
            }
            other => other?,
        };
        Ok(Replies::new(script, replies))
    }
}

/// Whether an [`Error::Failed`] says that the user may not call the command. Client libraries drop or rename the code
/// `NOPERM`, but keep the server's sentence.
pub(crate) fn is_refused(failure: &str) -> bool {
    failure.contains("has no permissions to run the")
}
