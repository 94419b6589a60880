//! Which lines of an app's log are not the app's own.

use serde::Deserialize;

/// How the programs in an app's image begin their messages.
const MESSAGES: [&str; 3] = ["landfall-edge: ", "landfall-secrets: ", "landfall-bridge: "];
/// How Lambda begins its reports about an invocation or a start. Its errors begin otherwise: they are
/// about the app.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html>.
const LAMBDA: [&str; 5] = [
    "START RequestId: ",
    "END RequestId: ",
    "REPORT RequestId: ",
    "INIT_START ",
    "INIT_REPORT ",
];

/// Whether the edge, or another program that landfall adds to the image, wrote the line: a message, a
/// summary, or an entry of the access log.
pub fn is_of_edge(line: &str) -> bool {
    let line = line.trim_start();
    MESSAGES.iter().any(|prefix| line.starts_with(prefix)) || is_record(line)
}

/// Whether Lambda itself wrote the line, in the log of a function.
pub fn is_of_lambda(line: &str) -> bool {
    LAMBDA.iter().any(|prefix| line.starts_with(prefix))
}

fn is_record(line: &str) -> bool {
    #[derive(Deserialize)]
    struct Mark {
        landfall: String,
        #[serde(rename = "v")]
        _version: u64,
    }
    // Only a line that may be a record is worth parsing.
    line.starts_with('{')
        && line.contains("\"landfall\"")
        && serde_json::from_str::<Mark>(line)
            .is_ok_and(|mark| matches!(mark.landfall.as_str(), "summary" | "access"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_edge_are_distinguished_from_lines_of_the_app() {
        for line in [
            "landfall-edge: SIGTERM: draining",
            "landfall-secrets: DATABASE_URL cannot be read",
            r#"{"landfall":"summary","v":1,"task":"0a1b","revision":"3f2e"}"#,
            r#"{"landfall":"access","v":1,"at":1,"method":"GET"}"#,
        ] {
            assert!(is_of_edge(line), "{line}");
        }
        for line in [
            "",
            "landfall-edge",
            "I run behind landfall-edge: nice",
            r#"{"level":"info","landfall":"summary"}"#,
            r#"{"landfall":"started","v":1}"#,
            r#"{"landfall":"summary","v":1"#,
            "START RequestId: 8f5 Version: 7",
        ] {
            assert!(!is_of_edge(line), "{line}");
        }
    }

    #[test]
    fn lambda_s_reports_are_no_lines_of_the_app_but_its_errors_are_shown() {
        for line in [
            "START RequestId: 8f5 Version: 7",
            "END RequestId: 8f5",
            "REPORT RequestId: 8f5\tDuration: 2.10 ms",
            "INIT_START Runtime Version: x",
        ] {
            assert!(is_of_lambda(line), "{line}");
        }
        for line in [
            "2026-11-23T16:58:40.000Z 8f5 Task timed out after 30.03 seconds",
            "RequestId: 8f5 Error: Runtime exited with error: exit status 1",
            "START of the day",
        ] {
            assert!(!is_of_lambda(line), "{line}");
        }
    }
}
