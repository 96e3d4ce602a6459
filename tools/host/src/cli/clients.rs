//! The options that bound what clients may cost before any component runs.

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use host::{ClientBounds, raise_open_files};

use super::values;

#[derive(Args)]
#[command(next_help_heading = "Clients")]
pub(crate) struct Clients {
    /// How long a client may take to send the head of a request.
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = values::wait)]
    head_timeout: Duration,
    /// How long a connection may wait for its next request, or a client take nothing of its answer. Take more than the
    /// proxy before the host, which keeps its connections for 60 seconds as a rule.
    #[arg(long, default_value = "120", value_name = "SECONDS", value_parser = values::wait)]
    idle_timeout: Duration,
    /// How long the head of a request may be. A longer one is answered with 431.
    #[arg(long, default_value = "32768", value_name = "BYTES", value_parser = values::head)]
    max_head: usize,
    /// How many connections clients may have. Beyond that, silent ones are closed for new ones; new ones get 503 while
    /// each has a request in hand. Default: half of the files that the process may open, at most 10000.
    #[arg(long, value_name = "NUMBER", value_parser = values::connections)]
    max_connections: Option<usize>,
    /// How many connections one address may have, or one network /64 of IPv6. Behind a proxy all connections come from
    /// the proxy's address. Default: a quarter of all.
    #[arg(long, value_name = "NUMBER", value_parser = values::connections)]
    max_connections_per_address: Option<usize>,
}

impl Clients {
    /// The bounds, once this process may open as many files as it can.
    pub(crate) fn bounds(&self) -> anyhow::Result<ClientBounds> {
        raise_open_files();
        let connections = self.max_connections.unwrap_or(ClientBounds::default().connections);
        let most = ClientBounds::most_connections();
        ensure!(
            self.max_connections.is_none() || connections <= most,
            "--max-connections {connections}: the files that this process may open suffice for {most}: give less, or \
             raise the limit that `ulimit -n` shows"
        );
        Ok(ClientBounds {
            head_time: self.head_timeout,
            idle_time: self.idle_timeout,
            head_bytes: self.max_head,
            connections,
            connections_per_address: self.max_connections_per_address.unwrap_or(ClientBounds::share(connections)),
        })
    }
}
