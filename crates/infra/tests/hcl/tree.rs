//! A root's parsed HCL, and those functions of the language that its expressions use.

use hcl::eval::{Context, Evaluate as _, FuncArgs, FuncDef, ParamType};
use hcl::{Block, Body, Expression, Value};
use rules::shape::contract::Root;

/// The implementation of a function of the language.
type Function = fn(FuncArgs) -> Result<Value, String>;

/// All `.tf` files of a root as one body, as in Terraform.
pub(crate) struct Tree {
    root: Root,
    body: Body,
}

impl Tree {
    /// The embedded HCL of `root`.
    pub(crate) fn of(root: Root) -> Tree {
        let structures = texts(root).flat_map(|(name, text)| {
            let body = hcl::parse(text).unwrap_or_else(|error| panic!("{root}/{name}: {error}"));
            body.into_inner()
        });
        Tree {
            root,
            body: structures.collect(),
        }
    }

    /// The top-level blocks of one kind: `resource`, `variable`, ...
    pub(crate) fn blocks(&self, kind: &str) -> impl Iterator<Item = &Block> {
        let kind = kind.to_owned();
        self.body
            .blocks()
            .filter(move |block| block.identifier() == kind)
    }

    /// The body of the top-level block with these labels.
    pub(crate) fn body(&self, kind: &str, labels: &[&str]) -> &Body {
        self.blocks(kind)
            .find(|block| self::labels(block) == labels)
            .unwrap_or_else(|| panic!("{} has no {kind} {labels:?}", self.root))
            .body()
    }

    /// The body of a resource.
    pub(crate) fn resource(&self, kind: &str, name: &str) -> &Body {
        self.body("resource", &[kind, name])
    }

    /// A value from `locals`.
    pub(crate) fn local(&self, name: &str) -> &Expression {
        self.blocks("locals")
            .find_map(|block| optional(block.body(), name))
            .unwrap_or_else(|| panic!("{} has no local.{name}", self.root))
    }
}

/// Name and text of a root's `.tf` files.
pub(crate) fn texts(root: Root) -> impl Iterator<Item = (&'static str, &'static str)> {
    infra::files(root).filter(|(name, _)| name.ends_with(".tf"))
}

/// The labels of a block.
pub(crate) fn labels(block: &Block) -> Vec<&str> {
    block.labels().iter().map(|label| label.as_str()).collect()
}

/// The value of an argument.
pub(crate) fn optional<'a>(body: &'a Body, name: &str) -> Option<&'a Expression> {
    body.attributes()
        .find(|attribute| attribute.key() == name)
        .map(|attribute| attribute.expr())
}

/// The value of a required argument.
pub(crate) fn argument<'a>(body: &'a Body, name: &str) -> &'a Expression {
    optional(body, name).unwrap_or_else(|| panic!("no {name} in {body:#?}"))
}

/// The body of the only nested block of this name.
pub(crate) fn only<'a>(body: &'a Body, name: &str) -> &'a Body {
    let mut found = body.blocks().filter(|block| block.identifier() == name);
    match (found.next(), found.next()) {
        (Some(block), None) => block.body(),
        _ => panic!("not exactly one {name} in {body:#?}"),
    }
}

/// The value of an expression with these variables.
pub(crate) fn evaluate(expression: &Expression, variables: &[(&str, Value)]) -> Value {
    let mut context = Context::new();
    for (name, value) in variables {
        context.declare_var(*name, value.clone());
    }
    // `toset`, `jsonencode` and `tostring` change the type of a value, which these tests do not
    // compare.
    let functions: [(&str, usize, Function); 10] = [
        ("toset", 1, |arguments| Ok(arguments[0].clone())),
        ("jsonencode", 1, |arguments| Ok(arguments[0].clone())),
        ("tostring", 1, |arguments| Ok(arguments[0].clone())),
        ("sha256", 1, |_| Ok(Value::from("0".repeat(64)))),
        ("merge", 2, |arguments| {
            let maps: Option<Vec<_>> = arguments.iter().map(Value::as_object).collect();
            let entries = maps.ok_or("merge of no maps")?.into_iter().flatten();
            Ok(entries
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect())
        }),
        ("floor", 1, |arguments| {
            let number = arguments[0].as_f64().ok_or("floor of no number")?;
            Ok(Value::from(number.floor()))
        }),
        ("max", 2, |arguments| {
            let numbers = (arguments[0].as_f64(), arguments[1].as_f64());
            let (Some(a), Some(b)) = numbers else {
                return Err("max of no numbers".to_owned());
            };
            Ok(Value::from(a.max(b)))
        }),
        ("length", 1, |arguments| match &arguments[0] {
            Value::String(text) => Ok(Value::from(text.chars().count())),
            Value::Array(values) => Ok(Value::from(values.len())),
            other => Err(format!("length of {other}")),
        }),
        ("contains", 2, |arguments| {
            let values = arguments[0].as_array().ok_or("contains in no list")?;
            Ok(Value::from(values.contains(&arguments[1])))
        }),
        ("join", 2, |arguments| {
            let separator = arguments[0].as_str().ok_or("join with no string")?;
            let values = arguments[1].as_array().ok_or("join of no list")?;
            let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
            Ok(Value::from(
                texts.ok_or("join of no strings")?.join(separator),
            ))
        }),
    ];
    for (name, arity, function) in functions {
        let definition = (0..arity).fold(FuncDef::builder(), |def, _| def.param(ParamType::Any));
        context.declare_func(name, definition.build(function));
    }
    expression
        .evaluate(&context)
        .unwrap_or_else(|error| panic!("{error} in {expression:?}"))
}

/// The text of an expression with these variables.
pub(crate) fn text(expression: &Expression, variables: &[(&str, Value)]) -> String {
    match evaluate(expression, variables) {
        Value::String(text) => text,
        other => panic!("{expression:?} is no text but {other}"),
    }
}

/// `include_dir!` does not notice a new file until the crate is compiled again for another reason.
#[test]
fn the_embedded_files_are_those_in_the_directory() {
    for root in Root::ALL {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("roots")
            .join(root.as_str());
        let mut files: Vec<(String, String)> = std::fs::read_dir(directory)
            .expect("the root's directory")
            .map(|entry| entry.expect("a file"))
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
            .filter(|entry| entry.path().is_file())
            .map(|entry| {
                let text = std::fs::read_to_string(entry.path()).expect("text");
                (entry.file_name().to_string_lossy().into_owned(), text)
            })
            .filter(|(name, _)| name.ends_with(".tf") || name.ends_with(".md"))
            .collect();
        files.sort();
        let mut embedded: Vec<(String, String)> = infra::files(root)
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        embedded.sort();
        assert_eq!(embedded, files, "touch crates/infra/src/roots.rs");
    }
}
