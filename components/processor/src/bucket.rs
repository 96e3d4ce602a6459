//! Several values of the store in one call, by `wasi:keyvalue/batch`. On a store in Redis it is one command. The call is
//! synchronous: nothing else of this instance goes on meanwhile, no deadline included, so each is kept small.

use spin_sdk::experimental::wasi::keyvalue::batch;
use spin_sdk::experimental::wasi::keyvalue::store::{self, Error};

/// The default store, as this interface knows it.
pub(crate) struct Bucket(store::Bucket);

impl Bucket {
    pub(crate) fn open() -> Result<Self, String> {
        store::open("default").map(Self).map_err(words)
    }

    /// Writes all of them or none.
    pub(crate) fn set(&self, values: &[(String, Vec<u8>)]) -> Result<(), String> {
        batch::set_many(&self.0, values).map_err(words)
    }

    /// Deletes all of them or none, as far as they are there.
    pub(crate) fn delete(&self, keys: &[String]) -> Result<(), String> {
        batch::delete_many(&self.0, keys).map_err(words)
    }
}

fn words(error: Error) -> String {
    match error {
        // The store's own words, without the name of the error's kind.
        Error::Other(words) => queue::one_line(&words),
        Error::NoSuchStore => "there is no such store".to_owned(),
        Error::AccessDenied => "the component may not open it".to_owned(),
    }
}
