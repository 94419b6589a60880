//! What a plan contains for one attribute: a value, nothing, or "later".

use rules::shape::plan::Resource;
use serde_json::Value;

/// One attribute of a resource, as the plan has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Seen<'a> {
    /// It will have this value.
    Known(&'a Value),
    /// It is not set: AWS's default holds.
    Absent,
    /// It is set, to something that is only known after the apply.
    Later,
}

impl<'a> Seen<'a> {
    /// The attribute at `path`: names and indices with dots between, `metadata_options.0.http_tokens`.
    pub(super) fn at(resource: &'a Resource, path: &str) -> Seen<'a> {
        let mut value = &resource.values;
        let mut unknown = &resource.unknown;
        for (depth, step) in path.split('.').enumerate() {
            value = child(value, step);
            unknown = child(unknown, step);
            if *unknown == Value::Bool(true) {
                // Inside a block that is there, what is unknown counts as set. For a whole attribute the
                // configuration shows it, except for a `dynamic` block over an unknown collection.
                let set = resource.references.as_ref().filter(|_| depth == 0);
                return match set.is_none_or(|set| set.contains_key(step)) {
                    true => Seen::Later,
                    false => Seen::Absent,
                };
            }
        }
        match value {
            Value::Null => Seen::Absent,
            value => Seen::Known(value),
        }
    }

    /// A known text. Anything else that is known is none, and so is the empty text, which older providers
    /// write for what is not set.
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Seen::Known(value) => value.as_str().filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// Whether it is known to be true.
    pub(super) fn is_true(self) -> bool {
        matches!(self, Seen::Known(Value::Bool(true)))
    }
}

/// How many blocks, or values, a list has.
pub(super) fn count(resource: &Resource, path: &str) -> usize {
    match Seen::at(resource, path) {
        Seen::Known(Value::Array(all)) => all.len(),
        _ => 0,
    }
}

/// The known texts in a list, and whether some of it is known only later.
pub(super) fn texts<'a>(resource: &'a Resource, path: &str) -> (Vec<&'a str>, bool) {
    let unknown = path.split('.').fold(&resource.unknown, child);
    match Seen::at(resource, path) {
        Seen::Later => (Vec::new(), true),
        Seen::Known(Value::Array(all)) => (
            all.iter().filter_map(Value::as_str).collect(),
            has_later(unknown),
        ),
        Seen::Known(Value::String(one)) => (vec![one], false),
        // All of its values are unknown, and the list itself is left out.
        _ => (Vec::new(), unknown.is_array() && has_later(unknown)),
    }
}

/// Whether anything in a part of `after_unknown` is unknown.
pub(super) fn has_later(unknown: &Value) -> bool {
    match unknown {
        Value::Bool(later) => *later,
        Value::Array(parts) => parts.iter().any(has_later),
        Value::Object(parts) => parts.values().any(has_later),
        _ => false,
    }
}

fn child<'a>(value: &'a Value, step: &str) -> &'a Value {
    match step.parse::<usize>() {
        Ok(index) => value.get(index),
        Err(_) => value.get(step),
    }
    .unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resource() -> Resource {
        Resource {
            values: json!({"a": [{"b": "x"}, {"b": null}], "set": null, "dynamic": [{}]}),
            unknown: json!({"a": [{}, {"b": true}], "set": true, "computed": true,
                "dynamic": [{"cidr_blocks": true}]}),
            references: serde_json::from_value(json!({"a": [], "set": ["aws_lb.b"]})).ok(),
            ..Resource::default()
        }
    }

    #[test]
    fn known_absent_and_later_are_three_things() {
        let resource = resource();
        let at = |path| Seen::at(&resource, path);
        assert_eq!(at("a.0.b").text(), Some("x"));
        assert_eq!(at("a.1.b"), Seen::Later);
        assert_eq!(at("a.2.b"), Seen::Absent);
        assert_eq!(at("set.0.deep"), Seen::Later);
        assert_eq!(at("nothing"), Seen::Absent);
        assert_eq!(at("dynamic.0.cidr_blocks"), Seen::Later);
        assert_eq!(count(&resource, "a"), 2);
    }

    #[test]
    fn what_the_configuration_does_not_set_is_a_default() {
        let mut resource = resource();
        assert_eq!(Seen::at(&resource, "computed"), Seen::Absent);
        // With a plan that does not contain what is set, the value is known only later.
        resource.references = None;
        assert_eq!(Seen::at(&resource, "computed"), Seen::Later);
    }
}
