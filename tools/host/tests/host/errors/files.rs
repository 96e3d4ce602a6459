//! Mistakes in the manifest and in the runtime configuration.

use super::Errors;
use crate::harness::{EMPTY, Folder};
use crate::process::shell;

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "shop"
[variables]
redis_url = { default = "redis://127.0.0.1:6379" }
[[trigger.http]]
route = "/..."
component = "door"
[[trigger.redis]]
address = "{{ redis_url }}"
channel = "news"
component = "worker"
[component.door]
source = "door.wasm"
allowed_outbound_hosts = ["https://*:443"]
[component.worker]
source = "worker.wasm"
"#;

/// What is changed in the manifest, and into what.
const MANIFESTS: [(&str, &str); 36] = [
    ("spin_manifest_version = 2", "spin_manifest_version = 3"),
    ("name = \"shop\"", "name = \"shop"),
    ("name = \"shop\"", "name"),
    ("name = \"shop\"", "nam = \"shop\""),
    ("name = \"shop\"", "name = 5"),
    ("name = \"shop\"", "name = \"shop\"\nname = \"market\""),
    ("name = \"shop\"\n", ""),
    ("[[trigger.http]]", "[[trigger.cron]]"),
    ("route = \"/...\"", "route = 5"),
    ("route = \"/...\"", "route = { private = false }"),
    ("route = \"/...\"", "route = \"/:\""),
    ("route = \"/...\"", "route = \"/...\"\ncomponent = \"worker\"\n[[trigger.http]]\nroute = \"/...\""),
    ("component = \"door\"", "component = \"dor\""),
    ("address = \"{{ redis_url }}\"\n", ""),
    ("channel = \"news\"", "channel = \"{{ news\""),
    ("channel = \"news\"", "channel = \"{{ News }}\""),
    ("channel = \"news\"", "channel = \"{{ news }}\""),
    ("redis_url =", "RedisUrl ="),
    ("{ default = \"redis://127.0.0.1:6379\" }", "{ secret = true }"),
    ("{ default = \"redis://127.0.0.1:6379\" }", "{ default = \"\", required = true }"),
    ("[component.worker]", "[component.back_door]\nsource = \"door.wasm\"\n[component.worker]"),
    ("source = \"worker.wasm\"", "source = \"worker.wasm\"\nfiles = [\"a\"]"),
    ("source = \"worker.wasm\"", "source = \"worker.wasm\"\nsqlite_databases = []"),
    ("source = \"worker.wasm\"", "source = \"worker.wasm\"\nvariables = { URL = \"\" }"),
    ("source = \"worker.wasm\"", "source = \"worker.wasm\"\nvariables = { url = \"{{ shelf }}\" }"),
    ("source = \"worker.wasm\"", "source = \"worker.wasm\"\nbuild = { command = 5 }"),
    ("https://*:443", "example.com"),
    ("https://*:443", "redis://ada:secret@host:6379"),
    ("https://*:443", "https://host/path"),
    ("https://*:443", "https://a.*.com"),
    ("https://*:443", "ftp://host"),
    ("https://*:443", "https://host:http"),
    ("https://*:443", "h2c!://host:1"),
    ("https://*:443", "https://"),
    ("source = \"worker.wasm\"", "source = \"worker.wasm\"\nbuild = { command = \"exit 3\" }"),
    ("source = \"worker.wasm\"", "source = \"worker.wasm\"\nbuild = { command = \"true\", workdir = \"nowhere\" }"),
];

/// An application with a store, and the configurations that it may be given.
const STORE: &str = "[component.door]\nsource = \"door.wasm\"\nkey_value_stores = [\"default\"]\n";
const CONFIGURATIONS: [&str; 5] = [
    "",
    "[key_value_store.default]\ntype = \"spin\"",
    "[key_value_store.default]\ntype = \"redis\"",
    "[key_value_store.default]\ntype = \"redis\"\nurl = \"http://host\"",
    "[sqlite_database.default]\ntype = \"spin\"",
];

pub(super) async fn provoke(errors: &mut Errors) {
    errors.part("spin.toml, by host build");
    for (from, to) in MANIFESTS {
        assert!(MANIFEST.contains(from), "{from}");
        let folder = Folder::with_manifest(&MANIFEST.replacen(from, to, 1));
        let title = format!("{} → {}", in_one_line(from), in_one_line(to));
        errors.add(&title, &mut shell(&folder, "host build"), &[]).await;
    }
    errors.part("runtime-config.toml, by host up");
    let folder = Folder::with_manifest(&format!("{EMPTY}{STORE}"));
    errors.add("no such file", &mut shell(&folder, "host up"), &[]).await;
    for text in CONFIGURATIONS {
        std::fs::write(folder.path().join("runtime-config.toml"), text).unwrap();
        errors.add(&format!("the text: {}", in_one_line(text)), &mut shell(&folder, "host up"), &[]).await;
    }
}

fn in_one_line(text: &str) -> String {
    text.trim().replace('\n', " ⏎ ")
}
