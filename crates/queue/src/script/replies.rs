//! Reading a script's flat reply, element by element, by the names that the script gives them.

use serde::de::DeserializeOwned;

use crate::connection::{Error, Reply};
use crate::message::Head;
use crate::script::Script;

/// A reply, and how far it was read.
pub(crate) struct Replies {
    script: &'static Script,
    replies: std::vec::IntoIter<Reply>,
    #[cfg(debug_assertions)]
    names: super::names::Trail,
}

impl Replies {
    pub(super) fn new(script: &'static Script, replies: Vec<Reply>) -> Self {
        Self {
            script,
            replies: replies.into_iter(),
            #[cfg(debug_assertions)]
            names: super::names::Trail::new(script.gives),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.replies.len() == 0
    }

    pub(crate) fn bytes(&mut self, name: &'static str) -> Result<Vec<u8>, Error> {
        match self.next(name) {
            Some(Reply::Bytes(bytes)) => Ok(bytes),
            _ => Err(self.unexpected(name, "a string")),
        }
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, Error> {
        let bytes = self.bytes(name)?;
        String::from_utf8(bytes).map_err(|_| self.unexpected(name, "UTF-8"))
    }

    pub(crate) fn number(&mut self, name: &'static str) -> Result<u64, Error> {
        match self.next(name) {
            Some(Reply::Int(number)) if number >= 0 => Ok(number as u64),
            _ => Err(self.unexpected(name, "a number")),
        }
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool, Error> {
        Ok(self.number(name)? != 0)
    }

    /// A head. The scripts give an empty string where there is none.
    pub(crate) fn head(&mut self, name: &'static str) -> Result<Option<Head>, Error> {
        Ok(Some(self.bytes(name)?).filter(|head| !head.is_empty()).map(Head::from))
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Error> {
        let json = self.bytes(name)?;
        serde_json::from_slice(&json).map_err(|error| self.unexpected(name, &format!("as it was written: {error}")))
    }

    /// Every remaining element as a flag of this name.
    pub(crate) fn flags(mut self, name: &'static str) -> Result<Vec<bool>, Error> {
        let mut flags = Vec::with_capacity(self.replies.len());
        while !self.is_empty() {
            flags.push(self.flag(name)?);
        }
        Ok(flags)
    }

    /// The error of an element that no version of the script gives.
    pub(crate) fn unexpected(&self, name: &str, expected: &str) -> Error {
        Error::Unexpected { script: self.script.name, detail: format!("its {name} is not {expected}") }
    }

    fn next(&mut self, name: &'static str) -> Option<Reply> {
        #[cfg(debug_assertions)]
        self.names.follow(self.script.name, name);
        #[cfg(not(debug_assertions))]
        let _ = name;
        self.replies.next()
    }
}
