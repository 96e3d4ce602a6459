//! `host key`: makes an API key, and the entry by which an application knows it.

use std::num::NonZeroU32;

use access::{ApiKey, CallerName, KeyDigest, Role};
use anyhow::anyhow;
use clap::Args;

#[derive(Args)]
pub(crate) struct Key {
    /// Whose key it is: 1 to 32 lower-case letters, digits or hyphens. Two keys of one name are both good.
    name: CallerName,
    /// What its caller may do: shop, viewer, support or operator.
    role: Role,
    /// How much its caller may ask for in a second. Give each key of one name the same. Default: no limit.
    #[arg(long, value_name = "NUMBER")]
    per_second: Option<NonZeroU32>,
    /// How much at once. Default: as much as in a second.
    #[arg(long, value_name = "NUMBER", requires = "per_second")]
    burst: Option<NonZeroU32>,
}

impl Key {
    /// Prints the key in the first line, for the caller, and its entry in the second, for the application. The key is
    /// kept nowhere.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let key = ApiKey::new(random()?);
        let mut entry = serde_json::json!({
            "name": self.name.as_str(),
            "sha256": KeyDigest::of(key.as_str()).to_string(),
            "role": self.role.as_str(),
        });
        for (field, number) in [("per_second", self.per_second), ("burst", self.burst)] {
            if let Some(number) = number {
                entry[field] = number.get().into();
            }
        }
        println!("{}\n{entry}", key.as_str());
        Ok(())
    }
}

/// Random bytes, one after the other. More than a key takes are asked for at once.
fn random() -> anyhow::Result<impl FnMut() -> u8> {
    let mut bytes = [0; 1024];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("the system gives no random bytes: {error}: try again later"))?;
    let mut bytes = bytes.into_iter();
    Ok(move || bytes.next().expect("a key takes some 33 of them"))
}
