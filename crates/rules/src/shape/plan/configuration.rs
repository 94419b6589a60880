//! The configuration that a plan was made from, as far as it states which attributes are set and what
//! they refer to
//! (<https://developer.hashicorp.com/terraform/internals/json-format#configuration-representation>).

use super::References;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// All modules of a configuration.
#[derive(Default, Deserialize)]
pub(super) struct Configuration {
    #[serde(default)]
    root_module: Module,
}

#[derive(Default, Deserialize)]
struct Module {
    #[serde(default)]
    resources: Vec<Block>,
    #[serde(default)]
    module_calls: BTreeMap<String, Call>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    module: Module,
}

#[derive(Deserialize)]
struct Block {
    /// Within its module.
    address: String,
    #[serde(default)]
    expressions: BTreeMap<String, Value>,
}

impl Configuration {
    /// The attributes that the block of an instance sets; [`None`] if there is no such block.
    pub(super) fn references(&self, address: &str) -> Option<References> {
        let plain = without_keys(address);
        let mut rest = plain.as_str();
        let mut module = &self.root_module;
        while let Some(inner) = rest.strip_prefix("module.") {
            let (name, after) = inner.split_once('.')?;
            module = &module.module_calls.get(name)?.module;
            rest = after;
        }
        let block = module.resources.iter().find(|b| b.address == rest)?;
        let set = block.expressions.iter().map(|(name, expression)| {
            let mut found = Vec::new();
            collect(expression, &mut found);
            found.sort();
            found.dedup();
            (name.clone(), found)
        });
        Some(set.collect())
    }
}

/// An address without the keys of instances: `module.a["b.c"].aws_lb.d[0]` is `module.a.aws_lb.d`.
/// Keys may hold anything, escaped quotes among it.
fn without_keys(address: &str) -> String {
    let mut plain = String::new();
    let (mut depth, mut quoted) = (0_u32, false);
    let mut chars = address.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// Every address that an expression, or a block of expressions, refers to.
fn collect(expression: &Value, found: &mut Vec<String>) {
    match expression {
        Value::Array(blocks) => blocks.iter().for_each(|block| collect(block, found)),
        Value::Object(parts) => {
            for (name, part) in parts {
                match (name.as_str(), part) {
                    ("references", Value::Array(all)) => {
                        found.extend(all.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    ("constant_value", _) => {}
                    (_, part) => collect(part, found),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_instances_are_no_part_of_a_block() {
        for (address, plain) in [
            ("aws_lb.a", "aws_lb.a"),
            ("aws_lb.a[0]", "aws_lb.a"),
            (r#"module.m["x.y]"].aws_lb.a["\"]"]"#, "module.m.aws_lb.a"),
        ] {
            assert_eq!(without_keys(address), plain, "{address}");
        }
    }

    #[test]
    fn attributes_of_nested_blocks_and_modules_are_found() {
        let configuration: Configuration = serde_json::from_str(
            r#"{"root_module":{"module_calls":{"m":{"module":{"resources":[
                {"address":"aws_lb.a","expressions":{
                    "name":{"constant_value":{"references":["no"]}},
                    "access_logs":[{"bucket":{"references":["b.a","b"]}}]}}]}}}}}"#,
        )
        .expect("a configuration");
        let found = configuration
            .references("module.m[1].aws_lb.a[0]")
            .expect("the block");
        assert_eq!(found["access_logs"], ["b", "b.a"]);
        assert!(found["name"].is_empty());
        assert_eq!(configuration.references("aws_lb.a"), None);
    }
}
