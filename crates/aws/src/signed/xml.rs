//! Answers in XML.

use crate::error::{Error, ErrorKind};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ErrorMetadata;
use roxmltree::{Document, Node};

/// Reads an answer from its root element.
pub(super) fn read<T>(
    operation: &'static str,
    answer: &str,
    read: impl FnOnce(Item<'_, '_>) -> T,
) -> Result<T, Error> {
    let document = Document::parse(answer).map_err(|error| {
        let why = format!("the answer is no XML: {error}");
        Error::new(ErrorKind::Other, operation, why)
    })?;
    Ok(read(Item(document.root_element())))
}

/// An element of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a, 'input>(Node<'a, 'input>);

impl<'a, 'input> Item<'a, 'input> {
    fn children(self, name: &str) -> impl Iterator<Item = Item<'a, 'input>> {
        let children = self.0.children();
        children
            .filter(move |child| child.tag_name().name() == name)
            .map(Item)
    }

    /// The text of the child element called `name`.
    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        self.children(name).next()?.0.text()
    }

    /// The elements called `name` in the child element called `set`; none if it is missing.
    pub(crate) fn items(self, set: &str, name: &str) -> impl Iterator<Item = Item<'a, 'input>> {
        let set = self.children(set).next();
        set.into_iter().flat_map(move |set| set.children(name))
    }
}

pub(super) fn read_error(response: &HttpResponse) -> ErrorMetadata {
    let bytes = response.body().bytes().unwrap_or_default();
    error(&String::from_utf8_lossy(bytes))
}

/// The first element called `Error`, which EC2 and CloudFront put into different elements.
fn error(xml: &str) -> ErrorMetadata {
    let mut metadata = ErrorMetadata::builder();
    if let Ok(document) = Document::parse(xml)
        && let Some(error) = document
            .descendants()
            .find(|node| node.tag_name().name() == "Error")
    {
        let error = Item(error);
        if let Some(code) = error.text("Code") {
            metadata = metadata.code(code);
        }
        if let Some(message) = error.text("Message") {
            metadata = metadata.message(message);
        }
    }
    metadata.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_message_of_an_error_are_read() {
        for (xml, code, message) in [
            // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
            (
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code>\
                 <Message>You are not authorized to perform this operation.</Message></Error></Errors>\
                 <RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>",
                "UnauthorizedOperation",
                "You are not authorized to perform this operation.",
            ),
            // https://docs.aws.amazon.com/cloudfront/latest/APIReference/CommonErrors.html
            (
                "<ErrorResponse xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Error>\
                 <Type>Sender</Type><Code>AccessDenied</Code><Message>Not you.</Message></Error>\
                 <RequestId>410c2a4b-e435-49c9-8382-3770d80d7d4c</RequestId></ErrorResponse>",
                "AccessDenied",
                "Not you.",
            ),
        ] {
            let found = error(xml);
            assert_eq!((found.code(), found.message()), (Some(code), Some(message)));
        }
        for none in ["", "<html>Bad gateway</html>", "Bad gateway"] {
            assert_eq!(error(none).code(), None, "{none}");
        }
    }
}
