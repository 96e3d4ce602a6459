//! The ceiling: the same service without WebAssembly, as one would write it natively, with axum and redis-rs. It runs
//! the same scripts by the same crate, checks orders by the same crate, and keeps the same promises.

pub(crate) mod decide;
mod intake;
mod notify;
mod one_by_one;
pub(crate) mod worker;

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use tokio::net::TcpListener;

use worker::Workers;

#[derive(Args, Clone)]
pub(crate) struct Options {
    /// What it does.
    #[arg(long)]
    work: Work,
    /// The queue's Redis.
    #[arg(long, value_name = "URL")]
    redis: String,
    /// The store's Redis.
    #[arg(long, value_name = "URL")]
    store: String,
    /// Who is told of changes.
    #[arg(long, value_name = "URL")]
    endpoint: Option<http::Uri>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Work {
    /// Take orders.
    Intake,
    /// Take them, work them off in batches, and tell the endpoint.
    Everything,
    /// Work them off, one round trip to Redis for each.
    OneByOne,
}

/// Serves until it is killed.
pub(crate) async fn serve(options: Options) -> anyhow::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let router = intake::router(&options.redis).await?;
    match options.work {
        Work::Intake => {}
        Work::Everything => Workers::start(options.clone()),
        Work::OneByOne => one_by_one::start(options.clone()),
    }
    println!("the ceiling runs at http://{}", listener.local_addr()?);
    intake::serve(listener, router).await
}
