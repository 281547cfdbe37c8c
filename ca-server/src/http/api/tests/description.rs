use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::{BASE, World};

/// Visits every operation.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((format!("{method} {path}"), operation));
        }
    }
    operations
}

/// Collects the values of every `$ref`.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    if let Some(reference) = value["$ref"].as_str() {
        found.insert(reference);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => members.values().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn is_openapi_for_this_server() {
    let world = World::new().await;

    let document = &world.document;

    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"], json!([{"url": BASE}]));
    assert_eq!(
        document["security"],
        json!([{"bearer": []}, {"mutualTLS": []}, {"clientCredentials": []}])
    );
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["bearer"]["bearerFormat"], "JWT");
    assert_eq!(schemes["mutualTLS"]["type"], "mutualTLS");
    assert_eq!(
        schemes["clientCredentials"]["flows"]["clientCredentials"]["tokenUrl"],
        format!("{BASE}/oauth2/token")
    );
}

#[tokio::test]
async fn every_operation_says_what_it_does_and_what_may_go_wrong() {
    let world = World::new().await;
    let mut ids = BTreeSet::new();

    for (name, operation) in operations(&world.document) {
        assert!(
            ids.insert(operation["operationId"].clone().to_string()),
            "{name}"
        );
        assert!(operation["summary"].is_string(), "{name}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
        let responses = operation["responses"].as_object().unwrap();
        let is_public = operation.get("security").is_some();
        let mut wanted = vec!["500", "503"];
        if !is_public {
            wanted.extend(["401", "403", "429"]);
        }
        if operation.get("requestBody").is_some() {
            wanted.extend(["400", "401", "408", "413", "415", "429"]);
        }
        if name.contains('{') {
            wanted.push("404");
        }
        for status in wanted {
            assert!(responses.contains_key(status), "{name}: {status}");
        }
    }
}

#[tokio::test]
async fn every_json_body_has_an_example() {
    let world = World::new().await;
    let page = world.get("/api/v1/docs").send().await;
    let html = String::from_utf8(page.body).unwrap();

    for (name, operation) in operations(&world.document) {
        if operation["requestBody"].is_object() {
            let id = operation["operationId"].as_str().unwrap();
            let (_, section) = html.split_once(&format!("id=\"{id}\"")).unwrap();
            let (_, body) = section.split_once("<h3>Body</h3>").unwrap();
            let (_, example) = body.split_once("<pre>").unwrap();

            assert!(example.starts_with('{'), "{name}: {}", &example[..40]);
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let world = World::new().await;
    let mut found = BTreeSet::new();

    references(&world.document, &mut found);

    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(world.document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_schema_and_member_is_described() {
    let world = World::new().await;

    for (name, schema) in world.document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name}");
        for (member, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_described = property["description"].is_string()
                || property.get("$ref").is_some()
                || property["oneOf"].is_array();
            assert!(is_described, "{name}.{member}: {property}");
        }
    }
}
