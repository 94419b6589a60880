//! What is about to be made, in words: briefly on the way to making it, in full where it was asked for.

use super::Text;
use crate::documents::bill;
use rules::event::Event;
use rules::shape::cost::money::cents;
use rules::shape::plan::{Action, Change};
use rules::shape::review::{Finding, Severity};

/// In full, for `plan` and `cost`; [`None`] for what says the same everywhere.
pub(super) fn details(event: &Event, verbose: bool, color: bool) -> Option<String> {
    match event {
        Event::Planned {
            root,
            changes,
            summary,
        } => {
            let mut lines = vec![format!("plan of {root}: {summary}")];
            lines.extend(changes.iter().map(|change| changed(change, color)));
            Some(lines.join("\n") + "\n")
        }
        Event::Priced { bill } => Some(bill::table(bill, verbose)),
        Event::Reviewed { findings } => {
            let mut lines = vec![format!("review: {}", counted(findings))];
            lines.extend(findings.iter().map(|finding| told(finding, color)));
            Some(lines.join("\n") + "\n")
        }
        _ => None,
    }
}

/// On the way.
pub(super) fn text(event: &Event, verbose: bool, color: bool) -> Text {
    match event {
        Event::Priced { bill } => Text::Progress(format!(
            "  price: {}; ${} for a million requests",
            bill.summary(),
            cents(bill.per_million_requests_usd)
        )),
        Event::Reviewed { findings } => {
            let mut lines = vec![format!("  review: {}", counted(findings))];
            let shown = findings
                .iter()
                .filter(|finding| verbose || finding.severity != Severity::Note);
            lines.extend(shown.map(|finding| told(finding, color)));
            Text::Progress(lines.join("\n"))
        }
        Event::Proposed {
            target,
            because,
            loss,
            conclusion,
            ..
        } => {
            let mut lines = vec![format!("target {target}: {because}")];
            if let rules::shape::data_loss::Verdict::NeedsYes(losses) = loss {
                lines.extend(
                    losses.iter().map(|loss| {
                        format!("{} {}", paint(color, "33", "warning:"), loss.explain())
                    }),
                );
            }
            lines.push(conclusion.clone());
            Text::Result(lines.join("\n"))
        }
        Event::Spent(spent) => Text::Result(spent.words()),
        Event::Renewed(renewal) => Text::Result(renewal.to_string().trim_end().to_owned()),
        _ => Text::Nothing,
    }
}

fn paint(color: bool, code: &str, text: &str) -> String {
    match color {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

fn changed(change: &Change, color: bool) -> String {
    let (sign, code) = match change.action {
        Action::Create => ("+", "32"),
        Action::Update => ("~", "33"),
        Action::Replace => ("±", "31"),
        Action::Delete => ("-", "31"),
        Action::Forget => ("·", "0"),
    };
    let because = match change.forced_by.as_slice() {
        [] => String::new(),
        paths => format!(", forced by {}", paths.join(", ")),
    };
    format!("  {} {}{because}", paint(color, code, sign), change.address)
}

fn told(finding: &Finding, color: bool) -> String {
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
    format!(
        "  {} {}{next}",
        paint(color, code, &format!("{word}:")),
        finding.line()
    )
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
    use rules::shape::cost::renewal::{Moved, Renewal};
    use rules::shape::cost::{Spent, prices::Item};
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
            Event::Spent(Spent {
                limit: 40.0,
                actual: 1.5,
                forecast: None,
                unit: "USD".into(),
            }),
            Event::Renewed(Renewal {
                table_of: "2026-11-23".into(),
                read: 2,
                moved: vec![Moved {
                    region: "eu-west-2".into(),
                    item: Item::AlarmMonth,
                    table_usd: 0.1,
                    list_usd: 0.2,
                }],
                missing: [(Item::NatGatewayHour, vec!["us-east-1".into()])].into(),
                unread: vec!["AWSELB: it did not answer".into()],
            }),
        ];
        let full = events
            .iter()
            .filter_map(|event| details(event, false, false));
        let full: Vec<String> = full.collect();
        let brief = events.iter().map(|event| match text(event, false, false) {
            Text::Nothing => String::new(),
            Text::Progress(text) => text,
            Text::Result(text) => format!("[result] {text}"),
        });
        let brief: Vec<String> = brief.filter(|text| !text.is_empty()).collect();
        insta::assert_snapshot!(
            "plan",
            format!("{}\n── on the way\n{}", full.join("\n"), brief.join("\n"))
        );
    }
}
