//! EC2's query protocol: a form in, XML out
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/making-api-requests.html>).

use super::{Client, Request, Service, action};
use crate::error::{Error, ErrorKind};
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ErrorMetadata;
use form_urlencoded::Serializer;
use roxmltree::{Document, Node};

/// Version of the API whose words are used.
const VERSION: &str = "2016-11-15";

static SERVICE: Service = Service {
    id: "EC2",
    name: "ec2",
    read_error,
};

/// EC2 in one region.
#[derive(Debug, Clone)]
pub(crate) struct Ec2 {
    client: Client,
}

impl Ec2 {
    pub(crate) fn new(config: &SdkConfig) -> Ec2 {
        Ec2 {
            client: Client::new(config, &SERVICE),
        }
    }

    /// Calls a `Describe…` action until its last page.
    ///
    /// `set` is the element of the answer that holds the items; `read` returns [`None`] for an item that is
    /// not wanted.
    pub(crate) async fn describe<T>(
        &self,
        operation: &'static str,
        parameters: &[(String, String)],
        set: &str,
        read: impl Fn(Item<'_, '_>) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let request = request(action(operation), parameters, token.as_deref());
            let answer = self.client.call(operation, request).await?;
            token = read_page(&answer, set, &read, &mut all).map_err(|error| {
                let why = format!("the answer is no XML: {error}");
                Error::new(ErrorKind::Other, operation, why)
            })?;
            if token.is_none() {
                return Ok(all);
            }
        }
    }
}

/// The parameters of filters, each of which has to match.
pub(crate) fn filters(filters: &[(String, String)]) -> Vec<(String, String)> {
    let numbered = filters.iter().zip(1..);
    numbered
        .flat_map(|((name, value), number)| {
            [
                (format!("Filter.{number}.Name"), name.clone()),
                (format!("Filter.{number}.Value.1"), value.clone()),
            ]
        })
        .collect()
}

fn request(action: &str, parameters: &[(String, String)], token: Option<&str>) -> Request {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", action);
    form.append_pair("Version", VERSION);
    form.extend_pairs(parameters);
    if let Some(token) = token {
        form.append_pair("NextToken", token);
    }
    Request {
        headers: vec![(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )],
        body: form.finish(),
    }
}

/// Adds the items of one page to `all`; returns the token of the next page, if there is one.
fn read_page<T>(
    xml: &str,
    set: &str,
    read: impl Fn(Item<'_, '_>) -> Option<T>,
    all: &mut Vec<T>,
) -> Result<Option<String>, roxmltree::Error> {
    let document = Document::parse(xml)?;
    let answer = Item(document.root_element());
    all.extend(answer.items(set).filter_map(read));
    let token = answer.text("nextToken").filter(|token| !token.is_empty());
    Ok(token.map(str::to_owned))
}

/// An element of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a, 'input>(Node<'a, 'input>);

impl<'a, 'input> Item<'a, 'input> {
    fn child(self, name: &str) -> Option<Item<'a, 'input>> {
        let mut children = self.0.children();
        let child = children.find(|child| child.tag_name().name() == name);
        child.map(Item)
    }

    /// The text of the child element called `name`.
    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        self.child(name)?.0.text()
    }

    /// The items of the child element called `set`; none if it is missing.
    pub(crate) fn items(self, set: &str) -> impl Iterator<Item = Item<'a, 'input>> {
        let children = self.child(set).into_iter().flat_map(|set| set.0.children());
        children
            .filter(|child| child.tag_name().name() == "item")
            .map(Item)
    }

    /// Whether the element has all of these tags.
    pub(crate) fn has_tags(self, tags: &[(&str, String)]) -> bool {
        tags.iter().all(|(key, value)| {
            self.items("tagSet")
                .any(|tag| tag.text("key") == Some(key) && tag.text("value") == Some(value))
        })
    }
}

/// `<Response><Errors><Error><Code>…</Code><Message>…</Message></Error></Errors>…</Response>`
fn read_error(response: &HttpResponse) -> ErrorMetadata {
    let bytes = response.body().bytes().unwrap_or_default();
    error(&String::from_utf8_lossy(bytes))
}

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

    /// From the example of
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>, with a second tag, an
    /// item without tags and a token.
    const VPCS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>7a62c442-3484-4f42-9342-6942EXAMPLE</requestId>
  <vpcSet>
    <item>
      <vpcId>vpc-081ec835f3EXAMPLE</vpcId>
      <state>available</state>
      <cidrBlock>10.0.0.0/16</cidrBlock>
      <cidrBlockAssociationSet>
        <item>
          <cidrBlock>10.0.0.0/16</cidrBlock>
          <associationId>vpc-cidr-assoc-062c64cfafEXAMPLE</associationId>
          <cidrBlockState><state>associated</state></cidrBlockState>
        </item>
      </cidrBlockAssociationSet>
      <tagSet>
        <item><key>app</key><value>a &amp; b</value></item>
        <item><key>environment</key><value>prod</value></item>
      </tagSet>
      <isDefault>false</isDefault>
    </item>
    <item>
      <vpcId>vpc-0ee975135dEXAMPLE</vpcId>
      <tagSet/>
    </item>
  </vpcSet>
  <nextToken>eyJ2IjoiMiI+/A==</nextToken>
</DescribeVpcsResponse>"#;

    fn ids(xml: &str, tags: &[(&str, String)]) -> (Vec<String>, Option<String>) {
        let mut ids = Vec::new();
        let read = |vpc: Item<'_, '_>| {
            let id = vpc.text("vpcId")?;
            vpc.has_tags(tags).then(|| id.to_owned())
        };
        let token = read_page(xml, "vpcSet", read, &mut ids).expect("XML");
        (ids, token)
    }

    #[test]
    fn a_request_is_a_form() {
        let parameters = filters(&[
            ("tag:landfall:app".to_owned(), "shop".to_owned()),
            ("tag:Owner".to_owned(), "Ann & Bob=é".to_owned()),
        ]);
        let request = request("DescribeVpcs", &parameters, Some("eyJ2IjoiMiI+/A=="));
        assert_eq!(
            request.body,
            "Action=DescribeVpcs&Version=2016-11-15\
             &Filter.1.Name=tag%3Alandfall%3Aapp&Filter.1.Value.1=shop\
             &Filter.2.Name=tag%3AOwner&Filter.2.Value.1=Ann+%26+Bob%3D%C3%A9\
             &NextToken=eyJ2IjoiMiI%2B%2FA%3D%3D"
        );
        assert_eq!(
            request.headers,
            [(
                "content-type",
                "application/x-www-form-urlencoded".to_owned()
            )]
        );
    }

    #[test]
    fn items_tags_and_token_of_a_page_are_read() {
        let token = Some("eyJ2IjoiMiI+/A==".to_owned());
        let both = ["vpc-081ec835f3EXAMPLE", "vpc-0ee975135dEXAMPLE"].map(str::to_owned);
        assert_eq!(ids(VPCS, &[]), (both.to_vec(), token.clone()));
        let tags = [
            ("app", "a & b".to_owned()),
            ("environment", "prod".to_owned()),
        ];
        assert_eq!(ids(VPCS, &tags), (vec![both[0].clone()], token.clone()));
        let other = [
            ("app", "a & b".to_owned()),
            ("environment", "test".to_owned()),
        ];
        assert_eq!(ids(VPCS, &other), (vec![], token));
    }

    #[test]
    fn a_last_page_may_be_empty() {
        for token in ["", "<nextToken/>", "<nextToken></nextToken>"] {
            let xml = format!("<DescribeVpcsResponse>{token}</DescribeVpcsResponse>");
            assert_eq!(ids(&xml, &[]), (vec![], None), "{xml}");
        }
        assert!(read_page("{}", "vpcSet", |_| Some(()), &mut vec![]).is_err());
    }

    #[test]
    fn code_and_message_of_an_error_are_read() {
        // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
        let found = error(
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code>\
             <Message>You are not authorized to perform this operation.</Message></Error></Errors>\
             <RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>",
        );
        assert_eq!(found.code(), Some("UnauthorizedOperation"));
        assert_eq!(
            found.message(),
            Some("You are not authorized to perform this operation.")
        );
        for none in ["", "<html>Bad gateway</html>", "Bad gateway"] {
            assert_eq!(error(none).code(), None, "{none}");
        }
    }
}
