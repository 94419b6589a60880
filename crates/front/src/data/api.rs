//! An HTTP API of API Gateway.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>

use crate::answer::Answer;
use crate::world::World;
use serde_json::json;
use std::time::Duration;

/// How long an integration may take.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Whether a request to the emulator is one of a user to an HTTP API, by its host and path.
#[must_use]
pub fn is_of_user(host: &str, path: &str) -> bool {
    host.contains(".execute-api.") || path.starts_with("/_aws/execute-api/")
}

/// The refusal of a user's request; [`None`] if it is forwarded.
pub fn refusal(world: &mut World) -> Option<Answer> {
    let is_refused = world.has("api-throttled") && world.random.chance(0.5);
    is_refused.then(|| message(429, "Too Many Requests"))
}

/// The API's response when the integration has none in time.
#[must_use]
pub fn late() -> Answer {
    message(503, "Service Unavailable")
}

/// The API's response when the integration fails.
#[must_use]
pub fn failed() -> Answer {
    message(500, "Internal Server Error")
}

fn message(status: u16, text: &str) -> Answer {
    Answer::of_json(status, &json!({"message": text}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_requests_are_told_from_calls() {
        assert!(is_of_user("a1.execute-api.localhost:4566", "/"));
        assert!(is_of_user(
            "127.0.0.1:4566",
            "/_aws/execute-api/a1/$default/x"
        ));
        assert!(!is_of_user("127.0.0.1:4566", "/v2/apis"));
    }

    #[test]
    fn requests_are_throttled_in_the_scenario() {
        let mut world = World::new(1, false);
        assert!((0..50).all(|_| refusal(&mut world).is_none()));
        world
            .scenarios
            .insert("api-throttled".to_owned(), String::new());
        let refused: Vec<Answer> = (0..50).filter_map(|_| refusal(&mut world)).collect();
        assert!((10..40).contains(&refused.len()));
        assert_eq!(refused[0].status.as_u16(), 429);
        assert_eq!(refused[0].text(), r#"{"message":"Too Many Requests"}"#);
    }

    #[test]
    fn a_late_integration_is_a_503() {
        assert_eq!(LIMIT.as_secs(), 30);
        assert_eq!(late().status.as_u16(), 503);
        assert_eq!(late().text(), r#"{"message":"Service Unavailable"}"#);
        assert_eq!(failed().status.as_u16(), 500);
    }
}
