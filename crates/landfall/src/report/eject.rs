//! What `landfall eject` and `adopt` have to say.

use super::Text;
use rules::event::Event;

/// The text of their events.
pub(super) fn text(event: &Event, color: bool) -> Text {
    match event {
        Event::Ejected { directory, roots } => {
            let mut lines = vec![format!("{directory}/README.md says how to go on")];
            lines.extend(roots.iter().map(|root| format!("{directory}/{root}")));
            Text::Result(lines.join("\n"))
        }
        // What is an obstacle stands in the failure that follows.
        Event::Compared {
            differences,
            edits,
            accepted: true,
        } => {
            let warning = match color {
                true => "\x1b[33mwarning:\x1b[0m",
                false => "warning:",
            };
            let differences = differences.iter().map(ToString::to_string);
            let lines: Vec<String> = differences
                .chain(edits.iter().map(ToString::to_string))
                .map(|line| format!("{warning} not taken over: {line}"))
                .collect();
            match lines.is_empty() {
                true => Text::Nothing,
                false => Text::Progress(lines.join("\n")),
            }
        }
        Event::Adopted { unchanged } => Text::Result(
            match unchanged {
                true => "adopted: landfall would change nothing of what is there",
                false => "adopted: the next `landfall up` would change what the plans above show",
            }
            .to_owned(),
        ),
        _ => Text::Nothing,
    }
}
