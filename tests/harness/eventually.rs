//! Waiting for what must happen, without guessing how long it takes.

use std::fmt::Debug;
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::poll;

/// What takes longer will never happen. Far above what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again until there is an answer; `what` names it if there never is one.
pub async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(what, asking).await
}

/// Waits for `future`; `what` names it if it never ends.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {} s in vain for {what}", PATIENCE.as_secs()),
    }
}

/// Runs `future` as far as it comes while nothing from outside happens: each other task of this thread's runtime has
/// its turn again and again. It must not end by that.
pub async fn begun<'a, T: Debug>(future: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    const TURNS: usize = 100;
    let mut future: BoxFuture<'a, _> = Box::pin(future);
    for _ in 0..TURNS {
        if let Poll::Ready(output) = poll!(&mut future) {
            panic!("it ended before what it waits for has happened: {output:?}");
        }
        tokio::task::yield_now().await;
    }
    future
}
