//! `landfall down`, `landfall reap`, and when environments expire.

use super::style::{Style, Text};
use rules::event::Event;
use rules::operate::sweep::{Found, Leftover};
use rules::operate::{expiry, sweep};

pub(super) fn text(event: &Event, style: &Style) -> Text {
    match event {
        Event::Lifetime { lifetime } => match lifetime.describe() {
            Some(words) => Text::Progress(format!("  {words}")),
            None => Text::Nothing,
        },
        Event::Lifetimes {
            environments,
            unseen,
            seen_at,
        } => Text::Result(expiry::describe(environments, unseen, *seen_at)),
        Event::Reaped { removed, failed } => Text::Result(reaped(removed, failed)),
        Event::Doomed { things } => Text::Progress(doomed(things, style)),
        Event::Left { leftover } => Text::Result(left(leftover)),
        Event::Swept {
            left,
            billable,
            unseen,
        } => {
            let unseen = unseen.iter().map(|what| format!("cannot list {what}"));
            let mut lines: Vec<String> = unseen.collect();
            lines.push(sweep::describe(*left, *billable));
            Text::Result(lines.join("\n"))
        }
        _ => Text::Nothing,
    }
}

fn doomed(things: &[Found], style: &Style) -> String {
    let mut lines = vec![match things.len() {
        1 => "  will be removed: 1 resource".to_owned(),
        many => format!("  will be removed: {many} resources"),
    }];
    let sign = style.paint("31", "-");
    let things = things.iter();
    lines.extend(things.map(|thing| format!("    {sign} {} {}", thing.kind.as_str(), thing.id)));
    lines.join("\n")
}

fn left(leftover: &Leftover) -> String {
    let price = match leftover.billable {
        true => "may cost money",
        false => "free",
    };
    format!(
        "left: {} {} ({price})\n      {}",
        leftover.kind.as_str(),
        leftover.id,
        leftover.remove
    )
}

fn reaped(removed: &[String], failed: &[String]) -> String {
    let mut lines = match removed {
        [] if failed.is_empty() => vec!["nothing was destroyed".to_owned()],
        [] => Vec::new(),
        removed => vec![format!("destroyed: {}", removed.join(", "))],
    };
    lines.extend(failed.iter().map(|one| format!("not destroyed: {one}")));
    lines.join("\n")
}
