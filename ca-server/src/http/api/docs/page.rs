//! What the page shows: the document's JSON, in the order in which people read.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON values read by name or place are null where there is nothing"
)]

use askama::Template;
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// The whole page.
#[derive(Template)]
#[template(path = "docs.html")]
pub(super) struct Docs {
    title: String,
    version: String,
    about: String,
    server: String,
    style: &'static str,
    schemes: Vec<Entry>,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

/// The operations of one tag.
struct Group {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    about: String,
    is_public: bool,
    parameters: Vec<Member>,
    body: Option<Content>,
    answers: Vec<Answer>,
}

struct Content {
    media_type: String,
    kind: String,
    example: String,
}

struct Answer {
    status: String,
    about: String,
    content: Option<Content>,
}

struct Schema {
    name: String,
    about: String,
    members: Vec<Member>,
}

/// A parameter, or a member of an object.
struct Member {
    name: String,
    place: String,
    kind: String,
    is_required: bool,
    about: String,
}

struct Entry {
    name: String,
    about: String,
}

impl Docs {
    /// Reads a document.
    pub(super) fn new(document: &OpenApi, style: &'static str) -> Self {
        let document = Document(serde_json::to_value(document).unwrap_or_default());
        let root = &document.0;
        Self {
            title: text(&root["info"], "title"),
            version: text(&root["info"], "version"),
            about: text(&root["info"], "description"),
            server: text(&root["servers"][0], "url"),
            style,
            schemes: document.schemes(),
            groups: document.groups(),
            schemas: document.schemas(),
        }
    }
}

/// A document as JSON; what is not there reads as null.
struct Document(Value);

impl Document {
    fn schemes(&self) -> Vec<Entry> {
        members(&self.0["components"]["securitySchemes"])
            .map(|(name, scheme)| Entry {
                name: name.clone(),
                about: match text(scheme, "description") {
                    empty if empty.is_empty() => "OAuth 2.0: POST /oauth2/token".to_owned(),
                    about => about,
                },
            })
            .collect()
    }

    fn groups(&self) -> Vec<Group> {
        list(&self.0["tags"])
            .map(|tag| {
                let name = text(tag, "name");
                Group {
                    about: text(tag, "description"),
                    operations: self.operations(&name),
                    name,
                }
            })
            .filter(|group| !group.operations.is_empty())
            .collect()
    }

    fn operations(&self, tag: &str) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, item) in members(&self.0["paths"]) {
            for (method, operation) in members(item) {
                if list(&operation["tags"]).any(|one| one == tag) {
                    operations.push(self.operation(method, path, operation));
                }
            }
        }
        operations
    }

    fn operation(&self, method: &str, path: &str, operation: &Value) -> Operation {
        Operation {
            id: text(operation, "operationId"),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(operation, "summary"),
            about: text(operation, "description"),
            is_public: list(&operation["security"])
                .any(|one| one.as_object().is_some_and(serde_json::Map::is_empty)),
            parameters: list(&operation["parameters"]).map(parameter).collect(),
            body: self.content(&operation["requestBody"]),
            answers: members(&operation["responses"])
                .map(|(status, answer)| self.answer(status, answer))
                .collect(),
        }
    }

    fn answer(&self, status: &str, answer: &Value) -> Answer {
        let answer = self.resolved(answer);
        Answer {
            status: status.to_owned(),
            about: text(answer, "description"),
            content: self.content(answer),
        }
    }

    fn content(&self, holder: &Value) -> Option<Content> {
        let (media_type, content) = members(&holder["content"]).next()?;
        let schema = &content["schema"];
        let given = Some(&content["example"]).filter(|example| !example.is_null());
        let example = given.cloned().or_else(|| self.example(schema, DEEPEST));
        Some(Content {
            media_type: media_type.clone(),
            kind: kind(schema),
            example: example.as_ref().map(written).unwrap_or_default(),
        })
    }

    /// Puts an example together out of those of the members.
    fn example(&self, schema: &Value, depth: usize) -> Option<Value> {
        let schema = self.resolved(schema);
        let mut given = [&schema["example"], &schema["examples"][0]].into_iter();
        if let Some(given) = given.find(|given| !given.is_null()) {
            return Some(given.clone());
        }
        if depth == 0 {
            return Some(Value::Null);
        }
        if schema["properties"].is_object() {
            let members = members(&schema["properties"]);
            let examples = members.filter_map(|(name, member)| {
                Some((name.clone(), self.example(member, depth - 1)?))
            });
            return Some(examples.collect());
        }
        if let Some(first) = list(&schema["oneOf"]).next() {
            return self.example(first, depth - 1);
        }
        let item = self.example(schema.get("items")?, depth - 1)?;
        Some(Value::Array(vec![item]))
    }

    fn schemas(&self) -> Vec<Schema> {
        members(&self.0["components"]["schemas"])
            .map(|(name, schema)| Schema {
                name: name.clone(),
                about: text(schema, "description"),
                members: members(&schema["properties"])
                    .map(|(name, member)| property(schema, name, member))
                    .collect(),
            })
            .collect()
    }

    /// Follows a reference within the document.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target = value["$ref"]
            .as_str()
            .and_then(|text| text.strip_prefix('#'));
        target
            .and_then(|target| self.0.pointer(target))
            .unwrap_or(value)
    }
}

fn parameter(parameter: &Value) -> Member {
    Member {
        name: text(parameter, "name"),
        place: text(parameter, "in"),
        kind: kind(&parameter["schema"]),
        is_required: parameter["required"] == true,
        about: text(parameter, "description"),
    }
}

fn property(schema: &Value, name: &str, member: &Value) -> Member {
    Member {
        name: name.to_owned(),
        place: String::new(),
        kind: kind(member),
        is_required: list(&schema["required"]).any(|one| one == name),
        about: text(member, "description"),
    }
}

/// Returns a schema's type in a word or two.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind(&schema["items"]));
    }
    let values: Vec<&str> = list(&schema["enum"]).filter_map(Value::as_str).collect();
    if !values.is_empty() {
        return values.join(" | ");
    }
    let one_of: Vec<String> = list(&schema["oneOf"]).map(kind).collect();
    if !one_of.is_empty() {
        return one_of.join(" | ");
    }
    let types: Vec<&str> = list(&schema["type"]).filter_map(Value::as_str).collect();
    schema["type"]
        .as_str()
        .map_or_else(|| types.join(" | "), str::to_owned)
}

/// Writes text as it is, with its line breaks, and everything else as JSON.
fn written(example: &Value) -> String {
    let text = example.as_str().map(str::to_owned);
    text.unwrap_or_else(|| serde_json::to_string_pretty(example).unwrap_or_default())
}

fn text(holder: &Value, name: &str) -> String {
    holder[name].as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Schemas may refer to themselves.
const DEEPEST: usize = 6;
