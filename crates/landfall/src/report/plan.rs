//! The plan of an `up` and its review: in brief as progress of another command, in full as a result.

use super::Details;
use super::style::{Style, Text};
use rules::event::Event;
use rules::shape::contract::Root;
use rules::shape::data_loss;
use rules::shape::plan::{Action, Change};
use rules::shape::review::{Finding, Severity};

pub(super) fn text(event: &Event, style: &Style) -> Text {
    match event {
        Event::Planned {
            root,
            changes,
            summary,
        } => plan(*root, changes, summary, style),
        Event::Reviewed { findings } => review(findings, style),
        Event::Proposed {
            target,
            because,
            loss,
            conclusion,
            ..
        } => {
            let mut lines = vec![format!("target {target}: {because}")];
            if let data_loss::Verdict::NeedsYes(losses) = loss {
                lines.extend(losses.iter().map(|loss| style.warning(loss.explain())));
            }
            lines.push(conclusion.clone());
            Text::Result(lines.join("\n"))
        }
        _ => Text::Nothing,
    }
}

fn plan(root: Root, changes: &[Change], summary: &str, style: &Style) -> Text {
    let head = format!("plan of {root}: {summary}");
    if style.details != Details::Summary {
        let changes = changes
            .iter()
            .map(|change| format!("\n  {}", full(change, style)));
        return Text::Result(format!("{head}{}\n", changes.collect::<String>()));
    }
    // A list of what is created, or of all that is deleted, is long and tells the reader little. What is
    // replaced, or deleted next to other changes, is always named.
    let only_deletes = changes.iter().all(|change| change.action == Action::Delete);
    let is_predictable = |change: &Change| match change.action {
        Action::Create => true,
        Action::Delete => only_deletes,
        _ => false,
    };
    let shown = changes
        .iter()
        .filter(|change| style.verbose || !is_predictable(change))
        .map(|change| format!("\n    {} {}", sign(change.action, style), change.address));
    Text::Progress(format!("  {head}{}", shown.collect::<String>()))
}

fn sign(action: Action, style: &Style) -> String {
    match action {
        Action::Create => style.paint("32", "+"),
        Action::Update => style.paint("33", "~"),
        Action::Replace => style.paint("31", "±"),
        Action::Delete => style.paint("31", "-"),
        Action::Forget => "·".to_owned(),
    }
}

fn full(change: &Change, style: &Style) -> String {
    let because = match change.forced_by.as_slice() {
        [] => String::new(),
        paths => format!(", forced by {}", paths.join(", ")),
    };
    format!("{} {}{because}", sign(change.action, style), change.address)
}

fn review(findings: &[Finding], style: &Style) -> Text {
    let head = format!("review: {}", counted(findings));
    let is_result = style.details != Details::Summary;
    let lines = findings
        .iter()
        .filter(|finding| is_result || style.verbose || finding.severity != Severity::Note)
        .map(|finding| format!("\n  {}", found(finding, style)));
    let lines: String = lines.collect();
    match is_result {
        true => Text::Result(format!("{head}{lines}\n")),
        false => Text::Progress(format!("  {head}{lines}")),
    }
}

fn found(finding: &Finding, style: &Style) -> String {
    let (word, code) = match (finding.severity, finding.allowed) {
        (_, true) => ("allowed", "36"),
        (Severity::Refuse, false) => ("refused", "31"),
        (Severity::Warn, false) => ("warning", "33"),
        (Severity::Note, false) => ("note", "0"),
    };
    let next = match finding.severity {
        Severity::Note => String::new(),
        _ if finding.allowed => String::new(),
        _ => format!("; {}", finding.rule.next()),
    };
    let word = style.paint(code, &format!("{word}:"));
    format!("{word} {}{next}", finding.line())
}

/// `1 refused, 2 warnings, 3 notes`.
fn counted(findings: &[Finding]) -> String {
    let count = |severity| {
        let some = findings
            .iter()
            .filter(|f| f.severity == severity && !f.allowed);
        some.count()
    };
    let plural = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        many => format!("{many} {word}s"),
    };
    let allowed = findings.iter().filter(|f| f.allowed).count();
    let parts = [
        (count(Severity::Refuse), "refused".to_owned()),
        (allowed, "allowed by landfall.toml".to_owned()),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"));
    let mut parts: Vec<String> = parts.collect();
    for (severity, word) in [(Severity::Warn, "warning"), (Severity::Note, "note")] {
        if count(severity) > 0 {
            parts.push(plural(count(severity), word));
        }
    }
    match parts.is_empty() {
        true => "nothing found".to_owned(),
        false => parts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::app::manifest::Target;
    use rules::shape::contract::Root;
    use rules::shape::data_loss::{Loss, Stake, Verdict};
    use rules::shape::review::Rule;

    fn finding(rule: Rule, severity: Severity, allowed: bool) -> Finding {
        Finding {
            rule,
            severity,
            address: "aws_lb.main".into(),
            evidence: "seen".into(),
            allowed,
        }
    }

    #[test]
    fn a_plan_reads_like_this_in_full_and_on_the_way() {
        let replaced = Change {
            forced_by: vec!["port".into()],
            ..Change::new(
                "aws_lb_target_group.slot",
                "aws_lb_target_group",
                Action::Replace,
            )
        };
        let gone = Change::new("aws_s3_bucket.files", "aws_s3_bucket", Action::Delete);
        let loss = |change: &Change, stake| Loss {
            change: change.clone(),
            stake,
        };
        let events = [
            Event::Planned {
                root: Root::Fargate,
                changes: vec![
                    Change::new("aws_lb.main", "aws_lb", Action::Create),
                    replaced,
                    gone.clone(),
                ],
                summary: "1 to create, 1 to replace, 1 to delete".into(),
            },
            Event::Planned {
                root: Root::Lambda,
                changes: vec![],
                summary: "no changes".into(),
            },
            Event::Reviewed {
                findings: vec![
                    finding(Rule::PlainSecret, Severity::Refuse, false),
                    finding(Rule::PlainSecret, Severity::Refuse, true),
                    finding(Rule::RootUser, Severity::Warn, false),
                    finding(Rule::Capabilities, Severity::Note, false),
                ],
            },
            Event::Reviewed { findings: vec![] },
            Event::Proposed {
                target: Target::Fargate,
                because: "it runs there already".into(),
                loss: Verdict::NeedsYes(vec![loss(&gone, Stake::Data)]),
                refusal: None,
                conclusion: "`landfall up` asks for a yes to lose 1 thing, then makes this".into(),
            },
        ];
        let read = |details| {
            let style = Style {
                details,
                ..Style::plain()
            };
            let texts = events.iter().map(|event| match text(event, &style) {
                Text::Nothing => String::new(),
                Text::Progress(text) => text,
                Text::Result(text) => format!("[result] {text}"),
            });
            texts.collect::<Vec<String>>().join("\n")
        };
        let (full, brief) = (read(Details::Result), read(Details::Summary));
        insta::assert_snapshot!("plan", format!("{full}\n── on the way\n{brief}"));
    }
}
