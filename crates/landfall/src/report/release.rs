//! What a release does, sees and concludes.

use super::style::{Style, Text};
use super::words::{pings, ports, step_text, step_words};
use rules::app::manifest::Target;
use rules::event::Event;
use rules::release::diagnosis::Cause;
use rules::release::evidence::{Evidence, StoppedTask};
use rules::release::revision::Digest;
use rules::release::verdict::Verdict;

/// Stopped tasks, and targets, that are shown as evidence.
const SHOWN: usize = 3;

pub(super) fn text(event: &Event, style: &Style) -> Text {
    match event {
        Event::Step { step } => match step_text(step, style.target) {
            Some(text) => Text::Progress(format!("  {text}")),
            None => Text::Nothing,
        },
        Event::Autopsy { cause, evidence } => Text::Progress(diagnosis(cause, evidence, style)),
        Event::Judged { verdict } => Text::Progress(format!("  {}", verdict_words(verdict))),
        Event::Pinged { pings: seen } => Text::Progress(format!(
            "  the public address during the release: {}",
            pings(seen)
        )),
        Event::Foreseen { steps } => {
            let steps = steps.iter().zip(1..);
            let lines: Vec<String> = steps
                .map(|(step, number)| format!("{number:3}. {}", step_words(step, style.target)))
                .collect();
            Text::Result(lines.join("\n"))
        }
        Event::Private { url, header, token } => Text::Result(format!(
            "to reach the new version: curl -H '{header}: {token}' {url}"
        )),
        Event::Unchanged { revision } => Text::Progress(format!(
            "  revision {revision} is live already: nothing was created, pushed or released"
        )),
        _ => Text::Nothing,
    }
}

fn diagnosis(cause: &Cause, evidence: &Evidence, style: &Style) -> String {
    let mut lines = vec![format!(
        "{} {}",
        style.paint("31", "cause:"),
        cause.explain(style.target).what
    )];
    let stopped = evidence.stopped.iter().take(SHOWN);
    lines.extend(stopped.map(|task| stopped_words(task, style.target)));
    let targets = evidence.targets.iter().take(SHOWN);
    lines.extend(targets.map(|target| {
        format!(
            "  target {} {} {} {}",
            target.id, target.state, target.reason, target.description
        )
    }));
    if let Some(listening) = &evidence.listens_on {
        lines.push(format!(
            "  run on this machine, the image {}",
            ports(listening)
        ));
    }
    if evidence.log.is_empty() {
        lines.push("  the app logged nothing".to_owned());
    } else {
        lines.push("  last log lines of the app:".to_owned());
        lines.extend(evidence.log.iter().map(|line| format!("    {line}")));
    }
    lines.join("\n")
}

/// On Lambda a "task" is a version, and its stop is a start or an invocation that failed.
fn stopped_words(task: &StoppedTask, target: Target) -> String {
    let exit = task
        .exit_code
        .map(|code| format!(", exit code {code}"))
        .unwrap_or_default();
    let (what, verb) = match target {
        Target::Fargate => ("task", "stopped"),
        Target::Lambda => ("version", "failed"),
    };
    let words: Vec<&str> = [task.stopped_reason.as_str(), task.container_reason.as_str()]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    format!(
        "  {what} {} {verb} ({}{exit}): {}",
        task.id,
        task.stop_code,
        words.join("; ")
    )
}

fn verdict_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Serving { digest, answers } => format!(
            "verified: {} runs; the public address answered {} of {} requests, {} of them with \
             errors of the app",
            digest.short(),
            answers.good + answers.errors,
            answers.asked,
            answers.errors
        ),
        Verdict::OtherDigest { expected, running } => {
            let running: Vec<&str> = running.iter().map(Digest::short).collect();
            let running = match running.as_slice() {
                [] => "nothing runs".to_owned(),
                all => format!("{} runs", all.join(", ")),
            };
            format!(
                "not verified: {} was released, but {running}",
                expected.short()
            )
        }
        Verdict::Unreachable { answers } => format!(
            "not verified: the public address answered none of {} requests well ({} errors, {} \
             lost)",
            answers.asked, answers.errors, answers.lost
        ),
    }
}
