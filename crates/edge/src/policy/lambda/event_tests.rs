use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn get(event: &Value) -> Result<HttpEvent, BadEvent> {
    match read(event.to_string().as_bytes())? {
        Event::Http(event) => Ok(event),
        Event::Probe { .. } => panic!("a probe"),
    }
}

fn minimal() -> Value {
    json!({
        "version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {"host": "a.example"},
        "requestContext": {"http": {"method": "GET", "sourceIp": "203.0.113.7"}},
        "isBase64Encoded": false,
    })
}

fn header<'e>(event: &'e HttpEvent, name: &str) -> Option<&'e str> {
    let mut found = event.headers.iter().filter(|(key, _)| key == name);
    let value = found.next().map(|(_, value)| value.as_str());
    assert!(found.next().is_none(), "{name} twice");
    value
}

/// The example of
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.
#[test]
fn the_example_of_the_documentation_is_parsed() {
    let event = json!({
      "version": "2.0", "routeKey": "$default", "rawPath": "/path/to/resource",
      "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
      "cookies": ["cookie1", "cookie2"],
      "headers": {"header1": "value1", "header2": "value1,value2"},
      "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
      "requestContext": {
        "accountId": "123456789012", "apiId": "api-id",
        "authentication": {"clientCert": {"clientCertPem": "CERT_CONTENT"}},
        "authorizer": {"jwt": {"claims": {"claim1": "value1"}, "scopes": ["scope1"]}},
        "domainName": "id.execute-api.us-east-1.amazonaws.com", "domainPrefix": "id",
        "http": {"method": "POST", "path": "/path/to/resource", "protocol": "HTTP/1.1",
                 "sourceIp": "192.168.0.1", "userAgent": "agent"},
        "requestId": "id", "routeKey": "$default", "stage": "$default",
        "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1583348638390_u64
      },
      "body": "eyJ0ZXN0IjoiYm9keSJ9", "pathParameters": {"parameter1": "value1"},
      "isBase64Encoded": true, "stageVariables": {"stageVariable1": "value1"}
    });
    let event = get(&event).expect("a request");
    assert_eq!(event.method, "POST");
    assert_eq!(
        event.target,
        "/path/to/resource?parameter1=value1&parameter1=value2&parameter2=value"
    );
    assert_eq!(event.body, br#"{"test":"body"}"#);
    assert_eq!(header(&event, "cookie"), Some("cookie1; cookie2"));
    assert_eq!(header(&event, "header2"), Some("value1,value2"));
    assert_eq!(
        header(&event, "host"),
        Some("id.execute-api.us-east-1.amazonaws.com")
    );
    assert_eq!(event.client, "192.168.0.1".parse().ok());
    assert_eq!(event.received_at, Some(Timestamp(1_583_348_638_390)));
}

#[test]
fn valid_paths_and_queries_are_not_changed() {
    let mut event = minimal();
    let query = "a=%2F&a=b+c&sig=x%3D%3d&q=%F0%9F%A6%80&e&=&{j}[1]='|^`?/:@!$*,;~\\";
    event["rawPath"] = json!("/a%2Fb//c%20d/%c3%a4;v=1/../'()*!");
    event["rawQueryString"] = json!(query);
    let got = get(&event).expect("a request");
    assert_eq!(
        got.target,
        format!("/a%2Fb//c%20d/%c3%a4;v=1/../'()*!?{query}")
    );
}

#[test]
fn a_decoded_path_is_encoded_again() {
    let mut event = minimal();
    event["rawPath"] = json!("/a b/ä?#\r\nx: y");
    event["rawQueryString"] = json!("a b#\n");
    let got = get(&event).expect("a request");
    assert_eq!(got.target, "/a%20b/%C3%A4%3F%23%0D%0Ax:%20y?a%20b%23%0A");
}

#[test]
fn cookies_in_two_places_are_used_once() {
    let mut event = minimal();
    event["headers"] = json!({"Cookie": "a=1; b=2", "host": "a.example"});
    assert_eq!(
        header(&get(&event).expect("one"), "cookie"),
        Some("a=1; b=2")
    );
    event["cookies"] = json!(["a=1", "b=2"]);
    assert_eq!(
        header(&get(&event).expect("both"), "cookie"),
        Some("a=1; b=2")
    );
}

#[test]
fn framing_headers_are_dropped() {
    let mut event = minimal();
    event["headers"] = json!({
        "Content-Length": "7", "Transfer-Encoding": "chunked", "Connection": "upgrade",
        "Upgrade": "websocket", "Expect": "100-continue", "X-A": "1", "x-a": "2",
    });
    let got = get(&event).expect("a request");
    assert_eq!(
        got.headers,
        [("host", "localhost"), ("x-a", "1, 2")].map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
}

#[test]
fn function_urls_are_recognised_by_their_domain() {
    let caller = |domain: Value| {
        let mut event = minimal();
        event["requestContext"]["domainName"] = domain;
        get(&event).expect("a request").caller
    };
    let url = "abcdefghij0123456789.lambda-url.eu-central-1.on.aws";
    assert_eq!(caller(json!(url)), Caller::FunctionUrl);
    for domain in [
        json!("id.execute-api.eu-central-1.amazonaws.com"),
        json!("shop.example"),
        json!("a.lambda-url.shop.example"),
        json!("lambda-url.eu-central-1.on.aws"),
        json!(".lambda-url.eu-central-1.on.aws"),
        json!(format!("{url}.evil.example")),
        json!(""),
        Value::Null,
    ] {
        assert_eq!(caller(domain.clone()), Caller::HttpApi, "{domain}");
    }
    // A client's own header is not a name given by AWS.
    let mut event = minimal();
    event["headers"]["host"] = json!(url);
    assert_eq!(get(&event).map(|event| event.caller), Ok(Caller::HttpApi));
}

#[test]
fn fields_that_emulators_omit_are_optional() {
    let event = json!({"version": "2.0", "requestContext": {"http": {"method": "GET"}},
        "body": null, "cookies": null, "headers": null, "isBase64Encoded": null, "rawPath": null});
    let got = get(&event).expect("a request");
    assert_eq!((got.target.as_str(), got.body.len()), ("/", 0));
}

#[test]
fn errors_state_what_is_wrong() {
    let with = |name: &str, value: Value| {
        let mut event = minimal();
        event[name] = value;
        event.to_string()
    };
    for (event, expected) in [
        ("".to_owned(), "not JSON"),
        ("[".repeat(1_000), "not JSON"),
        ("7".to_owned(), "not JSON"),
        ("{}".to_owned(), "payload format 2.0"),
        (with("version", json!("1.0")), "payload format 2.0"),
        (with("isBase64Encoded", json!(7)), "not JSON"),
        (with("requestContext", json!({})), "no method"),
        (
            with("requestContext", json!({"http": {"method": "GET /"}})),
            "no method",
        ),
        (with("headers", json!({"a b": "c"})), "no name of a header"),
        (
            with("headers", json!({"a": "b\r\nc: d"})),
            "control characters",
        ),
        (with("cookies", json!(["a\nb: c"])), "control characters"),
        (json!({"landfall": "dance"}).to_string(), "one event"),
        (
            json!({"landfall": "probe", "path": "x"}).to_string(),
            "begins with a slash",
        ),
    ] {
        let why = read(event.as_bytes()).expect_err(expected).0;
        assert!(why.contains(expected), "{event}: {why}");
    }
    let mut event = minimal();
    event["body"] = json!("not Base64!");
    event["isBase64Encoded"] = json!(true);
    assert!(get(&event).expect_err("Base64").0.contains("Base64"));
}

#[test]
fn probes_are_parsed() {
    let probe = |text: &str| read(text.as_bytes()).expect("a probe");
    let target = |target: &str| Event::Probe {
        target: target.to_owned(),
    };
    assert_eq!(
        probe(r#"{"landfall":"probe","path":"/a b?c=d?e"}"#),
        target("/a%20b?c=d?e")
    );
    assert_eq!(probe(r#"{"landfall":"probe"}"#), target("/"));
}

proptest! {
    /// Any input is parsed or refused, and the result cannot leave its place in a request.
    #[test]
    fn no_event_injects_headers_or_requests(
        path in ".*", query in ".*", method in "[A-Z ]{0,8}", name in "[a-zA-Z-]{1,8}|.*", value in ".*",
        cookies in prop::collection::vec(".*", 0..3), body in ".*", base64 in any::<bool>(), ip in ".*",
    ) {
        let event = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "cookies": cookies,
            "headers": {name: value}, "body": body, "isBase64Encoded": base64,
            "requestContext": {"http": {"method": method, "sourceIp": ip}},
        });
        if let Ok(event) = get(&event) {
            prop_assert!(event.target.starts_with('/'));
            prop_assert!(event.target.bytes().all(|b| b.is_ascii_graphic() && b != b'#'));
            prop_assert!(is_token(&event.method));
            for (name, value) in &event.headers {
                prop_assert!(is_token(name) && is_value(value), "{} {}", name, value);
            }
            prop_assert!(base64 || event.body == body.as_bytes());
        }
    }

    #[test]
    fn binary_bodies_are_not_changed(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut event = minimal();
        event["body"] = json!(STANDARD.encode(&body));
        event["isBase64Encoded"] = json!(true);
        prop_assert_eq!(get(&event).map(|event| event.body), Ok(body));
    }

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }
}

#[test]
fn the_probe_event_of_the_contract_is_parsed() {
    let event = read(&edge_contract::probe::event("/health?a=\"b\"")).expect("a probe");
    let Event::Probe { target } = event else {
        panic!("{event:?}");
    };
    assert!(target.starts_with("/health?"), "{target}");
}
