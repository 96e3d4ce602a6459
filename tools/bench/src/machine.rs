//! What it ran on, and how busy that was already.

use std::fs::read_to_string;

use serde::Serialize;

/// The machine, as far as it says so.
#[derive(Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    redis: String,
    /// Processes that ran or waited to, on average over the last minute, before the first figure.
    load_before: String,
}

impl Machine {
    pub(crate) fn look(redis: String) -> Self {
        let line = |file: &str| read_to_string(file).unwrap_or_default().lines().next().unwrap_or("unknown").to_owned();
        let cpuinfo = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: line("/proc/sys/kernel/osrelease"),
            redis,
            load_before: line("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    /// In one line.
    pub(crate) fn shown(&self) -> String {
        let Self { processor, cores, kernel, redis, load_before } = self;
        format!("{processor}, {cores} cores, Linux {kernel}, Redis {redis}; load before: {load_before}")
    }
}
