//! A route as the description tells it.

use serde_json::{Map, Value, json};

/// What there is to say of a route beside what its types say.
pub(super) struct Operation {
    /// As `access::ROUTES` has it: `GET /orders/{id}`.
    pub(super) route: &'static str,
    /// By which generated clients name it.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) tag: &'static str,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Body>,
    /// What it answers if all is well.
    pub(super) answers: Vec<Answer>,
    /// The names of the problems that it may answer beside those that follow from the rest.
    pub(super) problems: Vec<&'static str>,
}

/// The body of a request.
pub(super) struct Body {
    pub(super) schema: &'static str,
    pub(super) is_needed: bool,
    pub(super) examples: Vec<(&'static str, Value)>,
}

/// An answer that is no problem.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    pub(super) content: Content,
    pub(super) headers: Vec<(&'static str, &'static str)>,
}

/// What an answer has in its body.
pub(super) enum Content {
    /// JSON of this schema.
    Json(&'static str),
    /// Any JSON object.
    AnyJson,
    /// Text of this type.
    Text(&'static str),
}

impl Operation {
    pub(super) fn new(route: &'static str, id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self { route, id, summary, tag, parameters: Vec::new(), body: None, answers: Vec::new(), problems: Vec::new() }
    }

    pub(super) fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    pub(super) fn body(mut self, schema: &'static str, examples: Vec<(&'static str, Value)>) -> Self {
        self.body = Some(Body { schema, is_needed: true, examples });
        self
    }

    /// The same with a body that may be left out.
    pub(super) fn maybe_body(mut self, schema: &'static str, examples: Vec<(&'static str, Value)>) -> Self {
        self.body = Some(Body { schema, is_needed: false, examples });
        self
    }

    pub(super) fn answer(mut self, status: u16, description: &'static str, content: Content) -> Self {
        self.answers.push(Answer { status, description, content, headers: Vec::new() });
        self
    }

    /// A header of the answer that was told last.
    pub(super) fn header(mut self, name: &'static str, description: &'static str) -> Self {
        self.answers.last_mut().expect("an answer comes before its header").headers.push((name, description));
        self
    }

    pub(super) fn problems(mut self, problems: &[&'static str]) -> Self {
        self.problems.extend(problems);
        self
    }
}

impl Content {
    fn json(&self) -> Value {
        match self {
            Self::Json(schema) => json!({"application/json": {"schema": reference(schema)}}),
            Self::AnyJson => json!({"application/json": {"schema": {"type": "object"}}}),
            Self::Text(media_type) => json!({*media_type: {"schema": {"type": "string"}}}),
        }
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        let headers = self.headers.iter().map(|(name, description)| {
            (name.to_string(), json!({"description": description, "schema": {"type": "string"}}))
        });
        let headers: Map<String, Value> = headers.collect();
        let mut answer = json!({"description": self.description, "content": self.content.json()});
        if !headers.is_empty() {
            answer["headers"] = headers.into();
        }
        answer
    }
}

impl Body {
    pub(super) fn json(&self) -> Value {
        let examples = self.examples.iter().map(|(name, value)| (name.to_string(), json!({"value": value})));
        let examples: Map<String, Value> = examples.collect();
        let mut content = json!({"schema": reference(self.schema)});
        if !examples.is_empty() {
            content["examples"] = examples.into();
        }
        json!({"required": self.is_needed, "content": {"application/json": content}})
    }
}

/// A pointer to a schema of this description.
pub(super) fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// A part of the path.
pub(super) fn in_path(name: &str, description: &str, mut schema: Value, example: &str) -> Value {
    schema["minLength"] = 1.into();
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema,
        "example": example})
}

/// A part of the query.
pub(super) fn in_query(name: &str, description: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

/// A header that may be sent.
pub(super) fn in_header(name: &str, description: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "header", "description": description, "schema": schema})
}
