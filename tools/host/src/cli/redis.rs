//! Which Redis `host up` uses: the given one, the user's own, or a private one.

use std::path::Path;

use anyhow::{Context, bail};
use host::redis_server::RedisServer;
use host::{CompiledApplication, RedisOverride, variables};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long to wait before a private server that ended is started again.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// The Redis of this run.
pub(crate) enum Redis {
    /// The one given by `--redis`.
    Given(RedisOverride),
    /// The user's own. These environment variables name it.
    Own(Vec<String>),
    /// A private one, which this process started.
    Private(Box<RedisServer>),
    /// The application uses no Redis.
    None,
}

impl Redis {
    /// Decides which Redis is used, and starts it if it is the private one.
    pub(crate) async fn choose(app: &CompiledApplication, given: Option<&str>, data: &Path) -> anyhow::Result<Self> {
        let set = variables::from_environment(&app.manifest().variables);
        let own = app.redis_variables().filter(|name| set.contains_key(*name));
        let own: Vec<String> = own.map(variables::environment_name).collect();
        match given {
            Some(_) if !own.is_empty() => {
                bail!("both --redis and {} say where Redis is: give only one of them", own.join(", "))
            }
            Some(address) => Ok(Self::Given(RedisOverride::new(address).context("--redis")?)),
            None if !own.is_empty() => Ok(Self::Own(own)),
            None if app.needs_redis() => Ok(Self::Private(Box::new(RedisServer::start(&data.join("redis")).await?))),
            None => Ok(Self::None),
        }
    }

    /// The Redis that replaces the manifest's, if one does.
    pub(crate) fn redirection(&self) -> anyhow::Result<Option<RedisOverride>> {
        match self {
            Self::Given(redis) => Ok(Some(redis.clone())),
            Self::Private(server) => Ok(Some(RedisOverride::new(&server.url(0))?)),
            Self::Own(_) | Self::None => Ok(None),
        }
    }
}

/// Starts a private server again whenever it ends, until the application ends.
pub(crate) struct Keeper {
    tasks: TaskTracker,
    ending: CancellationToken,
}

impl Keeper {
    pub(crate) fn new(redis: Redis) -> Self {
        let keeper = Self { tasks: TaskTracker::new(), ending: CancellationToken::new() };
        if let Redis::Private(server) = redis {
            keeper.tasks.spawn(keep(*server, keeper.ending.clone()));
        }
        keeper.tasks.close();
        keeper
    }

    /// Ends the server; returns once it is gone.
    pub(crate) async fn end(&self) {
        self.ending.cancel();
        self.tasks.wait().await;
    }
}

async fn keep(mut server: RedisServer, ending: CancellationToken) {
    while let Some(ended) = ending.run_until_cancelled(server.ended()).await {
        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::warn!("the private Redis ended with {how}; it is started again on its data");
        while let Some(Err(error)) = ending.run_until_cancelled(server.restart()).await {
            tracing::error!("the private Redis can't be started again, and is tried until it can: {error}");
            _ = ending.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }
    server.stop().await;
}
