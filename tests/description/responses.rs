//! The problems that a route may answer.

use std::collections::BTreeMap;

use access::{Allowed, Route};
use guest::{PROBLEM_KINDS, ProblemKind};
use http::Method;
use serde_json::{Map, Value, json};

use super::operation::{Operation, reference};

/// What any route may answer. A path with an empty segment is not found.
const EVERYWHERE: [&str; 3] = ["not-found", "unavailable", "misconfigured"];

/// What a route may answer that reads a body.
const OF_BODIES: [&str; 4] = ["unreadable-body", "slow-body", "too-large", "unsupported-media-type"];

/// The answers that several routes have: what a client has already, and then the problems.
pub(super) fn to_begin_with() -> Map<String, Value> {
    let not_modified = json!({"description": "It is as the client has it, by If-None-Match",
        "headers": {"ETag": {"required": true, "description": "Still the same", "schema": {"type": "string"}}}});
    Map::from_iter([("not-modified".to_owned(), not_modified)])
}

fn name(kinds: &[&ProblemKind]) -> String {
    kinds.iter().map(|kind| kind.name).collect::<Vec<_>>().join(".")
}

/// All answers of a route, by their status. Problems are `shared` with other routes.
pub(super) fn responses(operation: &Operation, route: &Route, shared: &mut Map<String, Value>) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for answer in &operation.answers {
        let mut told = answer.json();
        if route.method == Method::GET && answer.status == 200 {
            told["headers"]["ETag"] = json!({"required": true, "schema": {"type": "string"},
                "description": "Send it back in If-None-Match, to get the body only if it has changed"});
        }
        responses.insert(answer.status.to_string(), told);
    }
    if route.method == Method::GET {
        responses.insert("304".to_owned(), json!({"$ref": "#/components/responses/not-modified"}));
    }
    for (status, kinds) in by_status(operation, route) {
        match responses.get_mut(&status) {
            // The probe's own answer has this status too.
            Some(answer) => answer["content"]["application/problem+json"] = content(&kinds),
            None => {
                let name = name(&kinds);
                responses.insert(status.clone(), json!({"$ref": format!("#/components/responses/{name}")}));
                shared.entry(name).or_insert_with(|| problem(&status, &kinds));
            }
        }
    }
    responses.into()
}

fn by_status(operation: &Operation, route: &Route) -> BTreeMap<String, Vec<&'static ProblemKind>> {
    let mut names: Vec<&str> = EVERYWHERE.to_vec();
    if matches!(route.allowed, Allowed::Roles(_)) {
        names.extend(["unauthorized", "forbidden"]);
    }
    if operation.body.is_some() {
        names.extend(OF_BODIES);
    }
    if operation.body.is_some() && route.allowed != Allowed::Signers {
        names.push("not-json");
    }
    names.extend(&operation.problems);
    let unknown = |name: &&str| !PROBLEM_KINDS.iter().any(|kind| kind.name == *name);
    assert!(!names.iter().any(unknown), "{}: a problem has another name: {names:?}", operation.route);
    let mut by_status: BTreeMap<String, Vec<&ProblemKind>> = BTreeMap::new();
    for kind in PROBLEM_KINDS.iter().filter(|kind| names.contains(&kind.name)) {
        by_status.entry(kind.status.as_u16().to_string()).or_default().push(kind);
    }
    by_status
}

fn problem(status: &str, kinds: &[&ProblemKind]) -> Value {
    let titles: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.name, kind.title)).collect();
    let mut told = json!({"description": titles.join(". "), "content": {"application/problem+json": content(kinds)}});
    let header = match status {
        "401" => ("WWW-Authenticate", "How to authenticate"),
        "429" | "503" => ("Retry-After", "In how many seconds to send the request again"),
        _ => return told,
    };
    told["headers"][header.0] = json!({"required": true, "description": header.1, "schema": {"type": "string"}});
    told
}

fn content(kinds: &[&ProblemKind]) -> Value {
    let types: Vec<String> = kinds.iter().map(|kind| format!("urn:sluice:problem:{}", kind.name)).collect();
    json!({"schema": {"allOf": [reference("Problem"), {"properties": {"type": {"enum": types}}}]}})
}
