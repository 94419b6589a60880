//! Reading and changing small XML documents.

use roxmltree::Node;
use std::ops::Range;

/// The text of a direct child.
pub(crate) fn child_text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name).map(|child| child.text().unwrap_or_default())
}

/// The first direct child with this name.
pub(crate) fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name_local(name))
}

/// All elements with this name, in document order.
pub(crate) fn all<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.descendants()
        .filter(move |found| found.has_tag_name_local(name))
}

/// Escapes text for an element.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Elements for parameters of the Query protocol: `A.member.1.B` becomes `<A><member><B>`. The names
/// are in order.
pub(crate) fn of_parameters(parameters: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = parameters;
    while let Some((name, value)) = rest.first() {
        let Some((element, _)) = name.split_once('.') else {
            text.push_str(&format!("<{name}>{}</{name}>", escaped(value)));
            rest = &rest[1..];
            continue;
        };
        // Members of a list are told apart by their numbers.
        let start = match (element, name.split('.').nth(1)) {
            ("member", Some(number)) => format!("member.{number}."),
            _ => format!("{element}."),
        };
        let inner: Vec<(&str, &str)> = rest
            .iter()
            .map_while(|(name, value)| Some((name.strip_prefix(&*start)?, *value)))
            .collect();
        if inner.is_empty() {
            // `member.1` itself has a value.
            text.push_str(&format!("<{element}>{}</{element}>", escaped(value)));
            rest = &rest[1..];
            continue;
        }
        rest = &rest[inner.len()..];
        text.push_str(&format!("<{element}>{}</{element}>", of_parameters(&inner)));
    }
    text
}

/// Replaces parts of a document.
pub(crate) fn replaced(document: &str, mut parts: Vec<(Range<usize>, String)>) -> String {
    parts.sort_by_key(|(range, _)| range.start);
    let mut text = document.to_owned();
    for (range, part) in parts.into_iter().rev() {
        text.replace_range(range, &part);
    }
    text
}

/// Comparing names without their namespace.
pub(crate) trait LocalName {
    /// Whether it is an element with this name in any namespace.
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl LocalName for Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::Document;

    #[test]
    fn elements_are_found_in_any_namespace() {
        let document = r#"<a xmlns="urn:x"><b><c>one</c></b><c>two</c></a>"#;
        let document = Document::parse(document).expect("a document");
        assert_eq!(child_text(document.root_element(), "c"), Some("two"));
        assert_eq!(child_text(document.root_element(), "d"), None);
        assert_eq!(all(document.root(), "c").count(), 2);
    }

    #[test]
    fn parameters_become_elements() {
        let parameters = [
            (
                "member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn",
                "a",
            ),
            ("member.1.ForwardConfig.TargetGroups.member.1.Weight", "9"),
            ("member.1.ForwardConfig.TargetGroups.member.2.Weight", "1"),
            ("member.1.Type", "forward"),
            ("member.2.Values.member.1", "x"),
        ];
        assert_eq!(
            of_parameters(&parameters),
            "<member><ForwardConfig><TargetGroups><member><TargetGroupArn>a</TargetGroupArn>\
             <Weight>9</Weight></member><member><Weight>1</Weight></member></TargetGroups>\
             </ForwardConfig><Type>forward</Type></member><member><Values><member>x</member>\
             </Values></member>"
        );
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b>&"), "a&lt;b&gt;&amp;");
    }
}
