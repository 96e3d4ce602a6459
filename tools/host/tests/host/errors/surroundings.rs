//! What goes wrong around a good command line: components, variables, addresses, memory and Redis.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{Errors, path};
use crate::harness::{EMPTY, Folder};
use crate::process::{Process, shell};

const DOOR: &str = "[component.door]\nsource = \"door.wasm\"\n";
const HTTP: &str = "[[trigger.http]]\nroute = \"/\"\ncomponent = \"door\"\n";
const REDIS: &str = "[[trigger.redis]]\naddress = \"{{ redis_url }}\"\nchannel = \"news\"\ncomponent = \"door\"\n";
/// A component that imports and exports nothing.
const NOTHING: &str = "(component)";
/// A component that imports what this host doesn't have.
const STRANGE: &str = "(component (import \"nobody:knows/this@1.0.0\" (instance (export \"f\" (func)))))";

pub(super) async fn provoke(errors: &mut Errors) {
    components(errors).await;
    values(errors).await;
    machine(errors).await;
    redis(errors).await;
}

async fn components(errors: &mut Errors) {
    errors.part("Components, by host up");
    for (title, manifest, component) in [
        ("not built", DOOR.to_owned(), None),
        ("not WebAssembly", DOOR.to_owned(), Some(b"not wasm".to_vec())),
        ("an import that is not known", DOOR.to_owned(), Some(wat::parse_str(STRANGE).unwrap())),
        ("no export for requests", format!("{DOOR}{HTTP}"), Some(wat::parse_str(NOTHING).unwrap())),
        ("no export for messages", format!("{DOOR}{REDIS}"), Some(wat::parse_str(NOTHING).unwrap())),
    ] {
        let folder = Folder::with_manifest(&format!("{EMPTY}{manifest}"));
        if let Some(component) = component {
            std::fs::write(folder.path().join("door.wasm"), component).unwrap();
        }
        errors.add(title, &mut shell(&folder, "host up"), &[]).await;
    }
    let folder = Folder::with_manifest(EMPTY);
    let line = "host trace --component door";
    errors.add(&format!("{line}, without any component"), &mut shell(&folder, line), &[]).await;
}

/// Variables are resolved when the application starts. `--redis` saves the start of a private Redis.
async fn values(errors: &mut Errors) {
    const LINE: &str = "host up --listen 127.0.0.1:0 --redis redis://127.0.0.1:1";
    errors.part("Variables, by host up");
    let required = "api_key = { required = true }\n";
    let folder = Folder::with_manifest(&format!("{EMPTY}{required}"));
    errors.add("a required one has no value", &mut shell(&folder, LINE), &[]).await;
    let folder = Folder::with_manifest(&format!("{EMPTY}{required}url = {{ required = true }}\n"));
    errors.add("two have no value", &mut shell(&folder, LINE), &[]).await;
    let host = "shelf = { default = \"\" }\n[component.door]\nsource = \"door.wasm\"\n\
                allowed_outbound_hosts = [\"{{ shelf }}\"]\n";
    let folder = Folder::with_manifest(&format!("{EMPTY}{host}"));
    std::fs::write(folder.path().join("door.wasm"), wat::parse_str(NOTHING).unwrap()).unwrap();
    let line = "SPIN_VARIABLE_SHELF=nowhere host up --listen 127.0.0.1:0 --redis redis://127.0.0.1:1";
    errors.add(&format!("allowed_outbound_hosts is {{{{ shelf }}}}: {line}"), &mut shell(&folder, line), &[]).await;
}

async fn machine(errors: &mut Errors) {
    errors.part("The machine, by host up");
    let folder = Folder::with_manifest(EMPTY);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let up = format!("host up --listen 127.0.0.1:{port}");
    errors.add("host up --listen 127.0.0.1:PORT", &mut shell(&folder, &up), &[(&port, "PORT")]).await;
    let line = "host up --data spin.toml";
    errors.add(line, &mut shell(&folder, line), &[(&path(&folder), "FOLDER")]).await;
    let line = "ulimit -v 16000000; host up";
    errors.add(line, &mut shell(&folder, line), &[]).await;
}

async fn redis(errors: &mut Errors) {
    const LINE: &str = "host up --listen 127.0.0.1:0";
    errors.part("The private Redis, by host up");
    let folder = Folder::with_manifest(EMPTY);
    let replaced = [(&*path(&folder), "FOLDER")];
    std::fs::create_dir(folder.path().join(".spin")).unwrap();
    let data = folder.path().join(".spin/redis");
    std::fs::write(&data, "").unwrap();
    errors.add("its folder is a file", &mut shell(&folder, LINE), &replaced).await;
    std::fs::remove_file(data).unwrap();
    let path = bin(&folder, "without", None);
    errors.add("not installed", shell(&folder, LINE).env("PATH", path), &replaced).await;
    let path = bin(&folder, "with", Some("#!/bin/sh\nexit 3\n"));
    errors.add("it ends at once", shell(&folder, LINE).env("PATH", path), &replaced).await;
    let mut first = Process::start(&folder, "up", &[]);
    first.redis().await;
    errors.add("another one runs on its folder", &mut shell(&folder, LINE), &replaced).await;
}

/// A folder for the path with `host` and a shell in it, and a `redis-server` if there is a text of one.
fn bin(folder: &Folder, name: &str, redis_server: Option<&str>) -> PathBuf {
    let bin = folder.path().join(name);
    std::fs::create_dir(&bin).unwrap();
    symlink("/bin/sh", bin.join("sh")).unwrap();
    symlink(Path::new(env!("CARGO_BIN_EXE_host")), bin.join("host")).unwrap();
    if let Some(text) = redis_server {
        let file = bin.join("redis-server");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    bin
}
