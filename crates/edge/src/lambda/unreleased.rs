//! A function before its first release. Terraform creates it with the app's image, because Lambda requires
//! one, but its variables and secrets come with the release: until then the app must not get requests.

use super::invocation::Reply;
use super::runtime_client::RuntimeClient;
use crate::policy::lambda::api_failure::{self, OnFailure};
use edge_contract::runtime_api::Address;

/// The answer to every request, in the format of HTTP APIs.
const ANSWER: &str = r#"{"statusCode":503,"headers":{"content-type":"text/plain; charset=utf-8","cache-control":"no-store","retry-after":"30"},"body":"This app has not been released yet.\n","isBase64Encoded":false}"#;

/// Answers every invocation with a 503, until the Runtime API fails.
pub(crate) async fn serve(address: Address) {
    let mut client = RuntimeClient::new(address);
    let mut failures = 0;
    loop {
        match client.next().await {
            Ok(invocation) => {
                failures = 0;
                let reply = Reply::Response {
                    bytes: ANSWER.into(),
                    is_stuck: false,
                };
                // Lambda reports an answer that it did not get.
                let _ = client.reply(&invocation.id, reply).await;
            }
            Err(failure) => match api_failure::on_failure(failures, failure.status) {
                OnFailure::RetryAfter(pause) => {
                    failures += 1;
                    tokio::time::sleep(pause).await;
                }
                OnFailure::ShutDown => return,
            },
        }
    }
}
