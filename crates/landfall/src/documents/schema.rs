//! The JSON schema of `landfall.toml`, for editors and checkers, made from the table of keys. What a
//! schema cannot express, such as that `memory` has to fit `cpu`, the reader still checks.

use rules::app::manifest::key::{KEYS, Key, KeyDefault, Pattern, Shape};
use serde_json::{Map, Value, json};

/// The dialect: <https://json-schema.org/draft/2020-12>.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema.
pub(crate) fn schema() -> Value {
    json!({
        "$schema": DRAFT,
        "title": "landfall.toml",
        "description": "How landfall deploys the app in this directory",
        "type": "object",
        "additionalProperties": false,
        "properties": properties(KEYS),
    })
}

fn properties(keys: &[Key]) -> Value {
    let properties = keys.iter().map(|key| {
        let mut property = of_shape(&key.shape);
        if let Some(default) = default(key) {
            property["default"] = default;
        }
        property["description"] = json!(description(key));
        (key.name.to_owned(), property)
    });
    Value::Object(properties.collect::<Map<_, _>>())
}

fn of_shape(shape: &Shape) -> Value {
    let list = |items: Value| json!({"type": "array", "items": items, "uniqueItems": true});
    match shape {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Whole(least, most) => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        Shape::WholeOneOf(all) => json!({"type": "integer", "enum": all()}),
        // Both are whole, and read better without a fraction.
        Shape::Number(least, most) => {
            json!({"type": "number", "minimum": *least as i64, "maximum": *most as i64})
        }
        Shape::Text(pattern) => text(*pattern),
        Shape::Word(all) => json!({"type": "string", "enum": all()}),
        Shape::Texts(pattern) => list(text(*pattern)),
        Shape::Words(all) => list(json!({"type": "string", "enum": all()})),
        Shape::Table => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Shape::Protected(sum) => json!({"anyOf": [
            {"type": "boolean"},
            list(json!({"type": "string"})),
            {"type": "object", "additionalProperties": text(*sum)},
        ]}),
        Shape::Keys(keys) => json!({
            "type": "object",
            "additionalProperties": false,
            "properties": properties(keys),
        }),
    }
}

fn text(Pattern { regex, longest }: Pattern) -> Value {
    let mut text = json!({"type": "string", "pattern": regex});
    if let Some(longest) = longest {
        text["maxLength"] = json!(longest);
    }
    text
}

fn default(key: &Key) -> Option<Value> {
    match (key.default, &key.shape) {
        (KeyDefault::Bool(value), _) => Some(json!(value)),
        (KeyDefault::Whole(value), _) => Some(json!(value)),
        (KeyDefault::Text(value), _) => Some(json!(value)),
        (KeyDefault::Empty(_), Shape::Table) => Some(json!({})),
        (KeyDefault::Empty(_), _) => Some(json!([])),
        (KeyDefault::Depends(_), _) => None,
    }
}

fn description(key: &Key) -> String {
    match key.default {
        KeyDefault::Depends(words) => format!("{}. Default: {}", meaning(key), plain(words)),
        _ => meaning(key),
    }
}

/// What a key sets, as sentences without links and without the last full stop.
pub(super) fn meaning(key: &Key) -> String {
    let text = plain(key.meaning);
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}", first.to_uppercase())
}

/// Markdown without its links: `[text](address)` becomes `text`.
fn plain(markdown: &str) -> String {
    let mut out = String::new();
    let mut rest = markdown;
    while let Some((before, link)) = rest.split_once('[') {
        out.push_str(before);
        match link.split_once("](").and_then(|(text, after)| {
            let (_, after) = after.split_once(')')?;
            (!text.contains(['[', ']'])).then_some((text, after))
        }) {
            Some((text, after)) => {
                out.push_str(text);
                rest = after;
            }
            None => {
                out.push('[');
                rest = link;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::app::manifest::key::CONTAINER_KEYS;
    use rules::app::manifest::{Draft, Facts, Overrides, Region};

    fn document(name: &str) -> String {
        let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn instance(text: &str) -> Value {
        let table: toml::Table = toml::from_str(text).expect("TOML");
        serde_json::to_value(table).expect("JSON")
    }

    #[test]
    fn the_file_in_docs_is_this_schema() {
        assert!(
            document("landfall.schema.json") == format!("{:#}\n", schema()),
            "write it again: landfall schema > docs/landfall.schema.json"
        );
    }

    /// The keys in Markdown, as in docs/manifest.md.
    fn table(keys: &[Key]) -> String {
        let rows = keys.iter().map(|key| {
            let default = match key.default {
                KeyDefault::Bool(value) => format!("`{value}`"),
                KeyDefault::Whole(value) => value.to_string(),
                KeyDefault::Text(value) => format!("`{value:?}`"),
                KeyDefault::Empty(words) | KeyDefault::Depends(words) => words.to_owned(),
            };
            format!("| `{}` | {} | {default} |\n", key.name, key.meaning)
        });
        let rows: String = rows.collect();
        format!("| key | meaning | default |\n|---|---|---|\n{rows}")
    }

    #[test]
    fn the_tables_in_docs_are_those_of_the_code() {
        let document = document("manifest.md");
        for table in [table(KEYS), table(CONTAINER_KEYS)] {
            assert!(
                document.contains(&table),
                "docs/manifest.md must contain this table:\n{table}"
            );
        }
    }

    #[test]
    fn it_accepts_what_the_errors_propose() {
        let schema = schema();
        let validator = jsonschema::draft202012::new(&schema).expect("a schema");
        let inner = CONTAINER_KEYS
            .iter()
            .map(|key| format!("[container]\n{}", key.example));
        let all = KEYS.iter().map(|key| key.example.to_owned());
        for example in all.chain(inner) {
            let errors: Vec<String> = validator
                .iter_errors(&instance(&example))
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{example}: {errors:?}");
        }
    }

    #[test]
    fn a_description_has_no_links() {
        assert_eq!(
            plain("a [b](c) `[\"d\"]` [e] [f](g)."),
            "a b `[\"d\"]` [e] f."
        );
    }

    #[test]
    fn its_defaults_are_those_of_the_reader() {
        let facts = Facts {
            directory_name: "app".into(),
            dockerfile: Some("FROM scratch\n".into()),
            ..Facts::default()
        };
        let overrides = Overrides {
            region: Region::parse("eu-west-2").ok(),
            ..Overrides::default()
        };
        let manifest = Draft::read(None)
            .resolve(&facts, &overrides)
            .expect("a manifest");
        let manifest = serde_json::to_value(manifest).expect("JSON");
        for (key, property) in schema()["properties"].as_object().expect("an object") {
            if let Some(default) = property.get("default")
                && let Some(value) = manifest.get(key)
            {
                assert_eq!(value, default, "{key}");
            }
        }
    }

    #[test]
    fn what_the_reader_refuses_it_refuses_where_it_can() {
        let schema = schema();
        let validator = jsonschema::draft202012::new(&schema).expect("a schema");
        for wrong in [
            "prot = 8080",
            "name = \"My_App\"",
            "target = \"ecs\"",
            "needs = [\"speed\"]",
            "region = \"eu-west-2b\"",
            "domain = \"https://app.example.com\"",
            "domain = \"localhost\"",
            "port = \"8080\"",
            "port = 0",
            "cpu = 300",
            "count = 11",
            "health = \"healthz\"",
            "protected = [\"a\", \"a\"]",
            "protected = { a = \"abc\" }",
            "budget = -1",
            "dockerfile = \"/Dockerfile\"",
            "dockerfile = \"../Dockerfile\"",
            "drain_seconds = 111",
            "log_retention_days = 10",
            "env = { A = 1 }",
            "secrets = [\"AWS_KEY\"]",
            "secrets = [\"A\", \"A\"]",
            "secrets_store = \"vault\"",
        ] {
            assert!(!validator.is_valid(&instance(wrong)), "{wrong}");
        }
    }
}
