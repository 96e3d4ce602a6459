//! Which request goes to which handler.

use guest::{Caller, Problem, Request, Response, Settings};
use http::Method;

use crate::desk::Desk;
use crate::{dead_letters, endpoints, metrics, stock};

pub(crate) async fn route(request: Request) -> Result<Response, Problem> {
    let settings = Settings::new("desk");
    let caller = Caller::admit(&settings, &request, Problem::NothingAtTheDesk).await?;
    let desk = Desk::open(settings).await?;
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (segments.as_slice(), request.method().clone()) {
        (["dead-letters"], Method::GET) => dead_letters::overview(&desk.roots()).await,
        (["dead-letters", queue], Method::GET) => {
            dead_letters::list(&desk.queue(queue).await?, &request, &caller).await
        }
        (["dead-letters", queue, "redrive"], Method::POST) => {
            dead_letters::redrive(&desk.queue(queue).await?, request).await
        }
        (["dead-letters", queue, "discard"], Method::POST) => {
            dead_letters::discard(&desk.queue(queue).await?, request).await
        }
        (["dead-letters", "placed", "settle"], Method::POST) => dead_letters::settle(&desk.placed(), request).await,
        (["endpoints"], Method::GET) => endpoints::list(&desk.changes()).await,
        (["endpoints", name], Method::DELETE) => endpoints::remove(&desk.changes(), name).await,
        (["metrics"], Method::GET) => metrics::metrics(&desk.roots()).await,
        (["stock"], Method::GET) => stock::list(&desk.stock(), &request).await,
        // The rest of the path is the SKU, whatever is in it.
        (["stock", _, ..], Method::GET) => stock::show(&desk.stock(), &stock::sku(&path)?).await,
        (["stock", _, ..], Method::PUT) => stock::set(&desk.stock(), &stock::sku(&path)?, request).await,
        (["stock", _, ..], Method::PATCH) => {
            stock::adjust(&desk.stock(), &stock::sku(&path)?, request, desk.idempotency_ttl).await
        }

        _ => Err(Problem::NothingAtTheDesk),
    }
}
