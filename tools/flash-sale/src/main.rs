//! A flash sale: everybody wants the same article in the same minute, and the payment provider has a bad day. Shows how
//! it goes, and checks in the end that nothing was oversold, and that the provider's ledger and the records agree.
//!
//! ```text
//! crowd ─► Sluice (the real components, a Redis of their own) ─► provider that fails and declines at random
//!            ▲                                                        │
//!            └─ watch: what is accepted, queued, decided              └─ ledger ─► audit
//! ```

mod audit;
mod crowd;
mod regret;
mod report;
mod shop;
mod watch;

use clap::Parser;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crowd::Crowd;
use shop::Shop;

/// How the sale goes.
#[derive(Clone, Debug, Parser)]
struct Sale {
    /// Orders, each for one piece.
    #[arg(long, default_value_t = 10_000)]
    orders: usize,
    /// Pieces that there are.
    #[arg(long, default_value_t = 500)]
    pieces: u64,
    /// Connections from which the orders come.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests of a hundred that the payment provider fails.
    #[arg(long, default_value_t = 10)]
    fails: u8,
    /// Orders of a hundred whose payment it declines.
    #[arg(long, default_value_t = 5)]
    declines: u8,
    /// Confirmed orders of a hundred that are cancelled afterwards.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(..=100))]
    regrets: u8,
    /// What decides the failures. Default: another one each time.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sale = Sale::parse();
    let seed = sale.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!(
        "{} orders from {} connections for {} pieces; the payment provider fails {} % and declines {} %; {} % cancel (seed {seed})",
        sale.orders, sale.connections, sale.pieces, sale.fails, sale.declines, sale.regrets
    );
    let shop = Shop::open(&sale, seed).await?;
    let bars = MultiProgress::new();
    let [accepted, decided] = ["accepted", "decided"].map(|what| bars.add(bar(what, sale.orders as u64)));
    let watching = tokio::spawn(watch::watch(shop.client.clone(), accepted.clone(), decided));
    let crowd = Crowd::buy(&shop.client, &sale, accepted).await;
    let samples = watching.await??;
    bars.clear()?;

    regret::regret(&shop.client, &crowd.accepted, sale.regrets).await?;
    let audit = audit::audit(&shop, &crowd).await?;
    println!("{}\n", report::table(&crowd, &audit, &samples));
    println!("{}", report::ledger(&audit.books));
    let plot = report::plot(&samples)?;
    println!("plot: {}", plot.display());
    shop.close().await;
    audit.verdict()
}

fn bar(what: &'static str, most: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:9} [{bar:40}] {pos:>6}/{len} {elapsed}");
    let style = style.expect("the template is a constant").progress_chars("=> ");
    ProgressBar::new(most).with_style(style).with_message(what)
}
