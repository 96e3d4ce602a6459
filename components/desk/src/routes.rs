//! Which request goes where.

use std::time::Duration;

use guest::{Answer, Redis, Request, Settings};
use http::Method;
use order::queues;
use queue::{Queue, Stock};

use crate::problem::Problem;
use crate::{dead_letters, metrics, stock};

/// How long Redis may take for one call.
const REDIS_DEADLINE: Duration = Duration::from_secs(2);

pub(crate) async fn route(request: Request) -> Result<Answer, Problem> {
    let path = request.path().to_owned();
    match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["dead-letters", rest @ ..] => dead_letters(request, rest).await,
        ["metrics"] => metrics(request).await,
        ["stock"] => stock(request, None).await,
        // The rest of the path is the SKU, whatever is in it.
        ["stock", ..] => stock(request, path.strip_prefix("/stock/")).await,
        _ => Err(Problem::NotFound),
    }
}

async fn dead_letters(request: Request, path: &[&str]) -> Result<Answer, Problem> {
    let settings = Settings::new("desk");
    settings.check_operator(&request).await?;
    let (queue, verb) = match path {
        [queue] => (*queue, None),
        [queue, verb @ ("redrive" | "discard")] => (*queue, Some(*verb)),
        _ => return Err(Problem::NotFound),
    };
    if !queues::is_queue(queue) {
        return Err(Problem::NotFound);
    }
    let shared = settings.queue().await?;
    let redis = Redis::new(shared.redis_url, REDIS_DEADLINE);
    if let Some((root, lane)) = queue.split_once('.') {
        let root = Queue::new(&redis, &shared.namespace, root, shared.timing);
        // A slip in the name must not read as "no dead letters".
        if !root.lanes().await?.iter().any(|known| known == lane) {
            return Err(Problem::NotFound);
        }
    }
    let queue = Queue::new(&redis, &shared.namespace, queue, shared.timing);
    match verb {
        None => {
            allow(&request, Method::GET, "GET")?;
            dead_letters::list(&queue, &request).await
        }
        Some(verb) => {
            allow(&request, Method::POST, "POST")?;
            if verb == "redrive" {
                dead_letters::redrive(&queue, request).await
            } else {
                dead_letters::discard(&queue, request).await
            }
        }
    }
}

async fn metrics(request: Request) -> Result<Answer, Problem> {
    let settings = Settings::new("desk");
    settings.check_operator(&request).await?;
    allow(&request, Method::GET, "GET")?;
    let shared = settings.queue().await?;
    let redis = Redis::new(shared.redis_url, REDIS_DEADLINE);
    let root = |name: &str| Queue::new(&redis, &shared.namespace, name, shared.timing);
    metrics::metrics(&[root(queues::PLACED), root(queues::CHANGES)]).await
}

async fn stock(request: Request, sku: Option<&str>) -> Result<Answer, Problem> {
    let settings = Settings::new("desk");
    settings.check_operator(&request).await?;
    let shared = settings.queue().await?;
    let redis = Redis::new(shared.redis_url, REDIS_DEADLINE);
    let stock = Stock::new(&redis, &shared.namespace);
    match sku {
        Some(sku) => stock::article(&stock, request, sku).await,
        None => {
            allow(&request, Method::GET, "GET")?;
            stock::list(&stock, &request).await
        }
    }
}

fn allow(request: &Request, method: Method, allow: &'static str) -> Result<(), Problem> {
    if request.method() == method { Ok(()) } else { Err(Problem::MethodNotAllowed { allow }) }
}
