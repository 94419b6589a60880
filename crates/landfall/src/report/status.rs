//! `landfall status` and `landfall logs`.

use super::style::{Style, Text};
use rules::app::manifest::Target;
use rules::event::{Event, SlotStatus, Status};

pub(super) fn text(event: &Event, style: &Style) -> Text {
    match event {
        Event::Status(status) => Text::Result(match style.target {
            Target::Fargate => described(status, fargate),
            Target::Lambda => described(status, lambda),
        }),
        Event::Log { task, message, .. } => {
            let short: String = task.chars().take(8).collect();
            Text::Result(format!("{} {message}", style.paint("36", &short)))
        }
        _ => Text::Nothing,
    }
}

fn described(status: &Status, slot: fn(&SlotStatus) -> Option<[String; 3]>) -> String {
    let answers = match status.answers {
        true => "answers",
        false => "does not answer",
    };
    let mut lines = vec![
        format!(
            "{} ({}) in account {}, {}",
            status.name, status.environment, status.account, status.region
        ),
        format!("url       {} — {answers}", status.url),
    ];
    for slot_status in &status.slots {
        let Some([label, what, how]) = slot(slot_status) else {
            continue;
        };
        lines.push(format!("{label:9} {what}\n          {how}"));
        let target = match slot_status.version {
            Some(_) => Target::Lambda,
            None => Target::Fargate,
        };
        let cause = slot_status.cause.as_ref();
        lines.extend(cause.map(|cause| format!("          {}", cause.explain(target).what)));
    }
    let lifetime = status.lifetime.as_ref();
    let words = lifetime.and_then(|lifetime| lifetime.describe());
    lines.extend(words.map(|words| format!("expiry    {words}")));
    lines.join("\n")
}

/// Label, what is in the slot, and how it is.
fn fargate(slot: &SlotStatus) -> Option<[String; 3]> {
    let traffic = match slot.share {
        0 => String::new(),
        100 => ", live".to_owned(),
        share => format!(", {share}% of the traffic"),
    };
    let how = format!(
        "{} of {} tasks run, {} healthy{traffic}",
        slot.running, slot.desired, slot.healthy
    );
    Some([slot.slot.as_str().to_owned(), contents(slot), how])
}

/// The same for a version. A slot without a version is not reported.
fn lambda(slot: &SlotStatus) -> Option<[String; 3]> {
    if slot.desired == 0 {
        return None;
    }
    let label = match &slot.version {
        Some(version) => format!("version {version}"),
        None => "version".to_owned(),
    };
    let is_ready = match (slot.running, slot.healthy) {
        (0, _) => "not active yet",
        (_, 0) => "active, has not answered yet",
        _ => "active, answers",
    };
    let traffic = match slot.share {
        0 => "no traffic: the alias does not point to it".to_owned(),
        100 => "live: the alias points to it".to_owned(),
        share => format!("{share}% of the alias's traffic"),
    };
    Some([label, contents(slot), format!("{is_ready}; {traffic}")])
}

fn contents(slot: &SlotStatus) -> String {
    match (&slot.revision, &slot.image) {
        (Some(revision), Some(image)) => format!("revision {revision}, {image}"),
        _ => "empty".to_owned(),
    }
}
