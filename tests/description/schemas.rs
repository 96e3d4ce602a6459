//! The schemas of all bodies, as the types of the source give them.

use std::collections::BTreeSet;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// All schemas by their names. A part of a request that an answer has too is named `New…`, because it is read strictly.
pub(super) fn schemas() -> Map<String, Value> {
    let mut requests = generator();
    order::schema::requests(&mut requests);
    let mut answers = generator();
    order::schema::answers(&mut answers);
    guest::schema::answers(&mut answers);
    let (mut requests, mut answers) = (requests.take_definitions(true), answers.take_definitions(true));
    let is_object = |schema: &Value| schema.get("properties").is_some();
    let shared = requests.iter().filter(|(name, schema)| is_object(schema) && answers.contains_key(*name));
    let shared: BTreeSet<String> = shared.map(|(name, _)| name.clone()).collect();
    for schema in requests.values_mut() {
        renamed(schema, &shared);
        strict(schema);
    }
    answers.values_mut().for_each(without_null);
    let named = |(name, schema)| if shared.contains(&name) { (format!("New{name}"), schema) } else { (name, schema) };
    let mut all: Map<String, Value> = requests.into_iter().map(named).chain(answers).collect();
    all.values_mut().for_each(plain);
    all
}

fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|it| it.definitions_path = "/components/schemas".into());
    settings.into_generator()
}

/// Calls a function for each schema within a schema, those within it first.
fn each(schema: &mut Value, then: &mut impl FnMut(&mut Map<String, Value>)) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(|member| each(member, then));
            then(members);
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each(value, then)),
        _ => {}
    }
}

fn renamed(schema: &mut Value, shared: &BTreeSet<String>) {
    each(schema, &mut |schema| {
        let Some(Value::String(target)) = schema.get_mut("$ref") else { return };
        let (path, name) = target.rsplit_once('/').expect("a path");
        if shared.contains(name) {
            *target = format!("{path}/New{name}");
        }
    });
}

/// Unknown fields are faults, and a field that may be left out may be `null`.
fn strict(schema: &mut Value) {
    each(schema, &mut |schema| {
        let required: Vec<Value> = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let Some(Value::Object(fields)) = schema.get_mut("properties") else { return };
        for (name, field) in fields {
            if !required.iter().any(|required| required == name) {
                or_null(field);
            }
        }
        schema.entry("additionalProperties").or_insert(false.into());
    });
}

fn or_null(schema: &mut Value) {
    let nothing = json!({"type": "null"});
    if schema["anyOf"].as_array().is_some_and(|any| any.contains(&nothing)) {
        return;
    }
    match &mut schema["type"] {
        Value::String(one) if one != "null" => {
            schema["type"] = json!([one, "null"]);
            if let Some(Value::Array(words)) = schema.get_mut("enum") {
                words.push(Value::Null);
            }
        }
        Value::Array(_) => {}
        _ => {
            let mut inner = schema.take();
            inner.as_object_mut().expect("a schema").remove("type");
            *schema = json!({"anyOf": [inner, nothing]});
        }
    }
}

/// What is not there is left out of an answer.
fn without_null(schema: &mut Value) {
    each(schema, &mut |schema| {
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|one| one != "null");
            if let [one] = &types[..] {
                schema["type"] = one.clone();
            }
        }
        if let Some(Value::Array(words)) = schema.get_mut("enum") {
            words.retain(|word| !word.is_null());
        }
        let Some(Value::Array(any)) = schema.get_mut("anyOf") else { return };
        any.retain(|one| *one != json!({"type": "null"}));
        if let [Value::Object(one)] = &any[..] {
            let one = one.clone();
            schema.remove("anyOf");
            schema.extend(one);
        }
    });
}

/// Takes out what is said to readers of the source alone, and formats that no validator knows.
fn plain(schema: &mut Value) {
    each(schema, &mut |schema| {
        if schema.get("format").is_some_and(|format| format.as_str().is_some_and(|it| it.starts_with("uint"))) {
            schema.remove("format");
        }
        if let Some(Value::String(text)) = schema.get_mut("description") {
            let text = text.replace('\n', " ");
            let sentences: Vec<&str> =
                text.split_inclusive(". ").filter(|it| !it.contains("[`") && !it.contains("](")).collect();
            schema.insert("description".to_owned(), sentences.concat().trim().into());
        }
        if schema.get("description").is_some_and(|text| text == "") {
            schema.remove("description");
        }
    });
}
