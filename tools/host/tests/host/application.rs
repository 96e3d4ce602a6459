//! Loading and starting an application.

use std::path::PathBuf;

use bytes::Bytes;
use host::{CompiledApplication, LoadOptions, StartOptions};

use crate::harness::{EMPTY, Folder};

fn load(manifest: &str, runtime_config: Option<&str>) -> Result<CompiledApplication, String> {
    let folder = Folder::with_manifest(manifest);
    let runtime_config = runtime_config.map(|text| {
        let file: PathBuf = folder.path().join("runtime-config.toml");
        std::fs::write(&file, text).unwrap();
        file
    });
    let loaded =
        CompiledApplication::load(&folder.manifest(), LoadOptions { runtime_config, ..LoadOptions::default() });
    loaded.map_err(|error| format!("{error:#}").replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn what_can_not_be_loaded_says_why() {
    let component = format!("{EMPTY}[component.door]\nsource = \"door.wasm\"\n");
    let store = "key_value_stores = [\"default\"]\n";
    for (manifest, runtime_config, expected) in [
        (component.clone(), None, "the component `door` is not built, door.wasm is missing: run `host build` first"),
        (
            component.clone() + store,
            None,
            "spin.toml: the key-value store `default` of the component `door` is not configured: add \
             [key_value_store.default] with type = \"redis\" and a url to a runtime-config.toml",
        ),
        (
            component + store,
            Some("[key_value_store.other]\n"),
            "runtime-config.toml, line 1: `[key_value_store.other]`: missing field `type`",
        ),
        (EMPTY.replace("= 2", "= 3"), None, "spin.toml, line 2: `spin_manifest_version` is 3: write 2"),
    ] {
        let error = load(&manifest, runtime_config).err().unwrap();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_component_must_export_what_its_triggers_call() {
    const EXPORTS_NOTHING: &[u8] = b"\0asm\x0d\0\x01\0";
    let component = format!("{EMPTY}[component.door]\nsource = \"door.wasm\"\n");
    for (trigger, expected) in [
        ("[[trigger.http]]\nroute = \"/\"\n", "wasi:http/handler@0.3.0"),
        ("[[trigger.redis]]\naddress = \"{{ redis_url }}\"\nchannel = \"news\"\n", "spin:redis/inbound-redis@3.0.0"),
    ] {
        let folder = Folder::with_manifest(&format!("{component}{trigger}component = \"door\"\n"));
        std::fs::write(folder.path().join("door.wasm"), EXPORTS_NOTHING).unwrap();
        let error = CompiledApplication::load(&folder.manifest(), LoadOptions::default()).err().unwrap().to_string();
        assert!(error.starts_with("the component `door` has ") && error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_component_that_is_no_component_is_named() {
    let folder = Folder::with_manifest(&format!("{EMPTY}[component.door]\nsource = \"door.wasm\"\n"));
    std::fs::write(folder.path().join("door.wasm"), "not wasm").unwrap();
    let error = CompiledApplication::load(&folder.manifest(), LoadOptions::default()).err().unwrap();
    assert!(format!("{error:#}").starts_with("the component `door` can't be compiled"), "{error:#}");
}

#[tokio::test]
async fn a_required_variable_without_a_value_is_named_with_what_to_set() {
    let app = load(&format!("{EMPTY}api_key = {{ required = true }}\n"), None).unwrap();
    let error = app.start(StartOptions::default()).await.err().unwrap();
    assert_eq!(error.to_string(), "no value for the required variable `api_key`: set SPIN_VARIABLE_API_KEY");
    let variables = [("api_key".to_owned(), "given".to_owned())].into();
    app.start(StartOptions { variables, ..StartOptions::default() }).await.unwrap();
}

#[tokio::test]
async fn several_run_side_by_side_and_end_one_by_one() {
    let app = load(EMPTY, None).unwrap();
    let (first, second) =
        (app.start(StartOptions::default()).await.unwrap(), app.start(StartOptions::default()).await.unwrap());
    first.stop().await;
    first.closed().await;
    let health = || http::Request::get("/.well-known/spin/health").body(Bytes::new()).unwrap();
    assert_eq!(second.route(health()).await.status(), 200);
}

#[tokio::test]
async fn a_direct_call_of_what_is_not_there_is_an_error() {
    let running = load(EMPTY, None).unwrap().start(StartOptions::default()).await.unwrap();
    let request = http::Request::get("/").body(Bytes::new()).unwrap();
    let error = running.http("door", request).await.unwrap_err().to_string();
    assert_eq!(error, "the component `door` answers no requests");
    let error = running.redis_message("door", "x").await.unwrap_err().to_string();
    assert_eq!(error, "the component `door` takes no messages");
}
