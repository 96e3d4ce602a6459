//! Command lines that are wrong by themselves.

use host::{ClientBounds, raise_open_files};

use super::Errors;
use crate::harness::Folder;
use crate::process::shell;

/// Each is run in the folder of an application whose one component is `reader`.
const LINES: [&str; 50] = [
    "host ups",
    "host frobnicate",
    "host --lisen",
    "host help nobody",
    "host up --lisen 127.0.0.1:0",
    "host trace --frobnicate",
    "host build reader",
    "host up --listen",
    "host up --manifest ''",
    "host trace --variables=yes",
    "host up --data a --data b",
    "host up --probe \"$(printf '\\377')\"",
    "host up --listen localhost:3000",
    "host up --probe health",
    "host up --probe '/he alth'",
    "host up --fault-seed -1",
    "host up --clock-skew 1.5",
    "host up --head-timeout 0",
    "host up --max-head 100",
    "host up --max-connections 0",
    "HOST_LOG=host=loud host up",
    "host up --redis 127.0.0.1:6379",
    "host up --redis rediss://127.0.0.1:6379",
    "host up --redis 'redis://:p@s/w#r:d%1=@127.0.0.1:6379/0'",
    "SPIN_VARIABLE_REDIS_URL=redis://127.0.0.1:1 host up --redis redis://127.0.0.1:2",
    "SPIN_VARIABLE_REDIS_URL='redis://:p@s/w#r:d%1=@127.0.0.1:6379/0' host up --listen 127.0.0.1:0",
    "host up --component-id door",
    "host trace --component door",
    "host up --fault door:redis:3=fail",
    "host trace --fault door:redis:3=fail",
    "host up --fault reader:redis:3",
    "host up --fault reader:redis:3=explode",
    "host up --fault reader:redis:3=delay=long",
    "host up --fault =fail",
    "host up --fault reader=fail",
    "host up --fault reader:redis:SET:3:4=fail",
    "host up --fault reader:sql=fail",
    "host up --fault reader:key-value:put=fail",
    "host up --fault reader:redis::3=fail",
    "host up --fault reader:redis-open:x=fail",
    "host up --fault 'reader:http:GET /=fail'",
    "host up --fault reader:variable:API_KEY=fail",
    "host up --fault 'reader:*:set=fail'",
    "host up --fault reader:redis:0=fail",
    "host up --manifest nowhere.toml",
    "host trace --manifest nowhere.toml",
    "host build --manifest nowhere.toml",
    "host build --manifest .",
    "host up --runtime-config nowhere.toml",
    "host up --listen 192.0.2.1:80",
];

pub(super) async fn provoke(errors: &mut Errors) {
    errors.part("The command line");
    let folder = Folder::with_reader();
    for line in LINES {
        errors.add(line, &mut shell(&folder, line), &[]).await;
    }
    raise_open_files();
    let most = ClientBounds::most_connections().to_string();
    let line = "host up --max-connections 1000000000";
    errors.add(line, &mut shell(&folder, line), &[(&most, "19800")]).await;
}
