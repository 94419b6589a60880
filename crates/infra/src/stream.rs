//! The `-json` stream: one message in each line
//! (<https://developer.hashicorp.com/terraform/internals/machine-readable-ui>).

use rules::event::Progress;
use serde::Deserialize;

/// A message of Terraform while it runs, as far as landfall uses it.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Progress of a resource.
    Resource {
        /// Address in the configuration.
        address: String,
        /// `create`, `read`, `update`, `delete`, …
        action: String,
        /// The step that this message reports.
        progress: Progress,
        /// Seconds since the action on the resource started.
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
    /// More lines for people; often empty.
    #[serde(default)]
    pub detail: String,
    /// Address of the resource that it is about.
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
    /// Parses a line; [`None`] if it is no JSON object with a type. Terraform prints plain text if
    /// it fails before it has parsed its flags.
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
    fn unknown_messages_and_plain_text_are_distinguished() {
        assert_eq!(
            Message::parse(r#"{"type":"brand_new"}"#),
            Some(Message::Other)
        );
        assert_eq!(Message::parse("Error: no such flag"), None);
    }
}
