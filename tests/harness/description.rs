//! The description of the API, which each answer of the application must fit: docs/openapi.json.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jsonschema::Validator;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

/// It, as the suite compares answers with it.
pub(crate) struct Description {
    document: Value,
    /// By the place of their schema. Each is compiled once.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Description {
    /// That of this build.
    pub(crate) fn get() -> &'static Self {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        DESCRIPTION.get_or_init(|| {
            let text = std::fs::read(FILE).expect("docs/openapi.json");
            let mut document: Value = serde_json::from_slice(&text).expect("it is JSON");
            close(&mut document["components"]["schemas"]);
            Self { document, validators: Mutex::default() }
        })
    }

    /// Panics if no operation of the description gives this answer.
    pub(crate) fn check(&self, method: &Method, path: &str, answer: &Response<Bytes>) {
        // The host's own word for a component that died under it: tests have them die.
        if answer.status() == StatusCode::INTERNAL_SERVER_ERROR && answer.body().is_empty() {
            return;
        }
        let told = || format!("{method} {path}: {answer:?}");
        let path = path.split('?').next().unwrap_or_default();
        let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
        let status = answer.status().as_u16().to_string();
        let Some(form) = self.form(path) else {
            return assert!(status == "404" || status == "204", "no path is described for {}", told());
        };
        let operation = &self.document["paths"][form][&method];
        if !operation.is_object() {
            return assert!(["204", "405"].contains(&status.as_str()), "no such method is described: {}", told());
        }
        let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
        let mut pointer = format!("#/paths/{}/{method}/responses/{status}", escaped(form));
        let mut described = &operation["responses"][&status];
        if let Some(Value::String(shared)) = described.get("$ref") {
            pointer.clone_from(shared);
            described = self.document.pointer(&shared[1..]).expect("a test looks at all references");
        }
        assert!(described.is_object(), "no such answer is described: {}", told());
        if answer.body().is_empty() {
            return;
        }
        let media_type = answer.headers().get("content-type").and_then(|it| it.to_str().ok()).unwrap_or_default();
        let content = &described["content"][media_type];
        assert!(content.is_object(), "no such type is described: {}", told());
        if media_type.ends_with("json") {
            let body: Value = serde_json::from_slice(answer.body()).unwrap_or_else(|_| panic!("no JSON: {}", told()));
            let fault = self
                .validator(pointer + media_type, &content["schema"])
                .validate(&body)
                .err()
                .map(|fault| fault.to_string());
            assert_eq!(fault, None, "{}", told());
        }
    }

    /// The path as the description has it. One without a variable part comes before others.
    fn form(&self, path: &str) -> Option<&str> {
        let paths = self.document["paths"].as_object().expect("paths").keys().map(String::as_str);
        let (fixed, open): (Vec<&str>, Vec<&str>) = paths.partition(|form| !form.contains('{'));
        fixed.into_iter().find(|form| *form == path).or_else(|| open.into_iter().find(|form| fits(form, path)))
    }

    fn validator(&self, place: String, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("nobody panicked with it");
        let known = validators.entry(place).or_insert_with(|| {
            let root = json!({"components": self.document["components"], "allOf": [schema]});
            Arc::new(jsonschema::draft202012::new(&root).expect("a schema"))
        });
        known.clone()
    }
}

/// Whether a path has this form. Everything behind `/stock/` is the article.
fn fits(form: &str, path: &str) -> bool {
    if form == "/stock/{sku}" {
        return path.len() > "/stock/".len() && path.starts_with("/stock/");
    }
    let (form, path): (Vec<&str>, Vec<&str>) = (form.split('/').collect(), path.split('/').collect());
    let fits = |(part, segment): (&&str, &&str)| part == segment || part.starts_with('{') && !segment.is_empty();
    form.len() == path.len() && form.iter().zip(&path).all(fits)
}

/// Clients must ignore a field that they don't know. The suite must know each.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}
