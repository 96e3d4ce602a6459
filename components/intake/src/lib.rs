//! The intake, the shop's door. It takes orders and changes to them, and says where orders are.

mod answer;
mod batch;
mod change;
mod context;
mod find;
mod incoming;
mod list;
mod place;
mod rates;
mod routes;
mod show;

use guest::{Caller, Problem, Request, Response, Settings};

guest::http_service!(handle);

async fn handle(request: Request) -> Response {
    match Caller::admit(&Settings::new("intake"), &request, Problem::NoSuchOrder).await {
        Ok(caller) => {
            let answer = routes::route(request, &caller).await.unwrap_or_else(Problem::into_response);
            rates::tell(&caller, answer)
        }
        Err(problem) => problem.into_response(),
    }
}
