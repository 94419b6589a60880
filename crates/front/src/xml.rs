//! Reading and changing small XML documents.

use roxmltree::{Document, Node};

/// The text of the first element with this name, anywhere in the document.
pub(crate) fn text(document: &str, name: &str) -> Option<String> {
    let parsed = Document::parse(document).ok()?;
    let found = parsed
        .descendants()
        .find(|node| node.has_tag_name_local(name));
    found.map(|node| node.text().unwrap_or_default().to_owned())
}

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

    #[test]
    fn text_is_found_in_any_namespace() {
        let document = r#"<a xmlns="urn:x"><b><c>one</c></b><c>two</c></a>"#;
        assert_eq!(text(document, "c").as_deref(), Some("one"));
        assert_eq!(text(document, "d"), None);
        assert_eq!(text("<a", "a"), None);
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b>&"), "a&lt;b&gt;&amp;");
    }
}
