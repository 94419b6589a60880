//! The `-json` stream: one message a line
//! (<https://developer.hashicorp.com/terraform/internals/machine-readable-ui>).

use rules::event::Progress;
use serde::Deserialize;

/// What Terraform says while it works, as far as landfall listens.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// It works on a resource.
    Resource {
        /// Address in the configuration.
        address: String,
        /// `create`, `read`, `update`, `delete`, …
        action: String,
        /// How far it is.
        progress: Progress,
        /// Seconds since it began.
        seconds: f64,
    },
    /// A warning or an error.
    Diagnostic(Diagnostic),
    /// Anything else: versions, summaries, outputs, messages of newer versions.
    Other,
}

/// A warning or an error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Diagnostic {
    /// `error` or `warning`.
    pub severity: String,
    /// One line.
    pub summary: String,
    /// The rest, for people; often empty.
    #[serde(default)]
    pub detail: String,
    /// The resource it is about.
    #[serde(default)]
    pub address: Option<String>,
}

impl Diagnostic {
    /// The diagnostic as lines for a person: resource, summary, detail.
    pub fn lines(&self) -> Vec<String> {
        let first = match &self.address {
            Some(address) => format!("{address}: {}", self.summary),
            None => self.summary.clone(),
        };
        let detail = self
            .detail
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty());
        std::iter::once(first)
            .chain(detail.map(|line| format!("  {line}")))
            .collect()
    }
}

#[derive(Deserialize)]
struct Raw {
    r#type: String,
    hook: Option<Hook>,
    diagnostic: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Hook {
    resource: Option<Resource>,
    #[serde(default)]
    action: String,
    #[serde(default)]
    elapsed_seconds: f64,
}

#[derive(Deserialize)]
struct Resource {
    addr: String,
}

impl Message {
    /// Reads a line; [`None`] if it is no JSON object with a type: Terraform prints plain text when
    /// it fails before it has read its own flags.
    pub fn parse(line: &str) -> Option<Message> {
        let raw: Raw = serde_json::from_str(line).ok()?;
        if let Some(diagnostic) = raw.diagnostic {
            return Some(Message::Diagnostic(diagnostic));
        }
        let progress = match raw.r#type.as_str() {
            "apply_start" => Progress::Started,
            "apply_progress" => Progress::Waiting,
            "apply_complete" => Progress::Finished,
            "apply_errored" => Progress::Errored,
            _ => return Some(Message::Other),
        };
        let Some(hook) = raw.hook else {
            return Some(Message::Other);
        };
        let Some(resource) = hook.resource else {
            return Some(Message::Other);
        };
        Some(Message::Resource {
            address: resource.addr,
            action: hook.action,
            progress,
            seconds: hook.elapsed_seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_followed_from_start_to_end() {
        let line = r#"{"@level":"info","@message":"aws_vpc.main: Creation complete after 12s",
            "type":"apply_complete","hook":{"resource":{"addr":"aws_vpc.main","module":""},
            "action":"create","id_key":"id","id_value":"vpc-1","elapsed_seconds":12}}"#;
        assert_eq!(
            Message::parse(line),
            Some(Message::Resource {
                address: "aws_vpc.main".into(),
                action: "create".into(),
                progress: Progress::Finished,
                seconds: 12.0,
            })
        );
    }

    #[test]
    fn an_error_keeps_its_resource_and_its_detail() {
        let line = r#"{"@level":"error","type":"diagnostic","diagnostic":{"severity":"error",
            "summary":"creating ELB: OperationNotPermitted","detail":"This account\nis new",
            "address":"aws_lb.front"}}"#;
        let Some(Message::Diagnostic(diagnostic)) = Message::parse(line) else {
            panic!("a diagnostic");
        };
        assert_eq!(
            diagnostic.lines(),
            [
                "aws_lb.front: creating ELB: OperationNotPermitted",
                "  This account",
                "  is new"
            ]
        );
    }

    #[test]
    fn what_it_does_not_know_is_passed_over_and_prose_is_told_apart() {
        assert_eq!(
            Message::parse(r#"{"type":"brand_new"}"#),
            Some(Message::Other)
        );
        assert_eq!(Message::parse("Error: no such flag"), None);
    }
}
