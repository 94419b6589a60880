use super::*;
use proptest::prelude::*;
use rules::edge_contract::runtime_api::task_name;

fn place(pairs: &[(&str, &str)]) -> Place {
    let variable = |name: &str| {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Place::read(
        variable,
        Timestamp(1_795_464_000_000),
        "0123456789abcdef0123456789abcdef",
    )
}

#[test]
fn what_fakecloud_says_goes_before_what_is_made_up() {
    let told = place(&[
        ("AWS_ENDPOINT_URL", "http://host.docker.internal:4566"),
        ("AWS_LAMBDA_FUNCTION_NAME", "shop-prod"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "3"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/landfall/shop-prod"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/23/[7]abcdef0123"),
        ("AWS_REGION", "eu-west-2"),
        ("AWS_ACCESS_KEY_ID", "FSIA"),
    ]);
    let endpoint = told.endpoint.clone().expect("an endpoint");
    assert_eq!(
        (endpoint.host.as_str(), endpoint.port),
        ("host.docker.internal", 4566)
    );
    assert_eq!(told.timeout, Duration::from_secs(3));
    assert_eq!(told.log_group, "/landfall/shop-prod");
    assert_eq!(told.log_stream, "2026/11/23/[7]abcdef0123");
    assert!(
        told.authorization("logs")
            .starts_with("AWS4-HMAC-SHA256 Credential=FSIA/20260101/eu-west-2/logs/aws4_request,")
    );
}

#[test]
fn what_is_missing_is_as_aws_would_have_it() {
    let made_up = place(&[("AWS_LAMBDA_FUNCTION_NAME", "f")]);
    assert_eq!(made_up.endpoint, None);
    assert_eq!(made_up.timeout, Duration::from_secs(30));
    assert_eq!(made_up.log_group, "/aws/lambda/f");
    assert_eq!(
        made_up.log_stream,
        "2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef"
    );
    assert!(task_name(&made_up.log_stream).is_some());
    assert!(
        made_up
            .told()
            .contains(&("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"))
    );
}

#[test]
fn errors_are_worded_as_aws_words_them() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    assert_eq!(
        text(exited("id", "exit status 3")),
        r#"{"errorMessage":"RequestId: id Error: Runtime exited with error: exit status 3","errorType":"Runtime.ExitError"}"#
    );
    assert_eq!(
        text(timed_out("id", Duration::from_secs(3))),
        r#"{"errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds","errorType":"Sandbox.Timedout"}"#
    );
}

#[test]
fn only_what_is_not_live_itself_goes_on() {
    assert!(goes_on("$LATEST", Some("3")));
    assert!(!goes_on("$LATEST", Some("$LATEST")));
    assert!(!goes_on("$LATEST", None));
    assert!(!goes_on("3", Some("4")));
}

proptest! {
    #[test]
    fn every_line_goes_once_in_batches_that_are_taken(
        sizes in proptest::collection::vec((0_u64..50, 0_usize..300_000), 0..60)
    ) {
        let lines: Vec<Line> = sizes
            .iter()
            .map(|(at, size)| Line { at: Timestamp(*at), text: "x".repeat(*size) })
            .collect();
        let batches = batches(lines.clone());
        for batch in &batches {
            let bytes: usize = batch.iter().map(|line| line.text.len() + 26).sum();
            prop_assert!(bytes <= 1_048_576 && !batch.is_empty());
            prop_assert!(batch.is_sorted_by_key(|line| line.at));
        }
        let told: usize = batches.iter().map(Vec::len).sum();
        prop_assert_eq!(told, lines.iter().filter(|line| !line.text.is_empty()).count());
    }
}

#[test]
fn a_batch_holds_no_more_lines_than_are_taken() {
    let line = Line {
        at: Timestamp(1),
        text: "a".to_owned(),
    };
    let sizes: Vec<usize> = batches(vec![line; 20_001]).iter().map(Vec::len).collect();
    assert_eq!(sizes, [10_000, 10_000, 1]);
}
