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

#[cfg(test)]
mod tests {
    use super::*;
    use rules::leave::eject::files::{Edit, Fate};
    use rules::leave::eject::settings::Difference;
    use rules::shape::contract::Root;

    fn read(event: &Event) -> String {
        match text(event, false) {
            Text::Nothing => String::new(),
            Text::Progress(text) => text,
            Text::Result(text) => format!("[result] {text}"),
        }
    }

    fn compared(accepted: bool) -> Event {
        Event::Compared {
            differences: vec![Difference {
                root: Root::Lambda,
                variable: "log_retention_days".into(),
                there: 30.into(),
                here: Some(14.into()),
                key: Some("log_retention_days".into()),
                how: "set `log_retention_days = 30` in landfall.toml".into(),
            }],
            edits: vec![Edit {
                path: "lambda/mine.tf".into(),
                fate: Fate::Added,
            }],
            accepted,
        }
    }

    #[test]
    fn leaving_and_coming_back_read_like_this() {
        let ejected = Event::Ejected {
            directory: "plain".into(),
            roots: vec![Root::Foundation, Root::Lambda],
        };
        let events = [
            ejected,
            compared(true),
            Event::Adopted { unchanged: true },
            Event::Adopted { unchanged: false },
        ];
        let lines: Vec<String> = events.iter().map(read).collect();
        assert_eq!(
            lines.join("\n"),
            "[result] plain/README.md says how to go on\nplain/foundation\nplain/lambda\n\
             warning: not taken over: lambda: log_retention_days is 30 there, and 14 by landfall.toml\n\
             warning: not taken over: lambda/mine.tf was added\n\
             [result] adopted: landfall would change nothing of what is there\n\
             [result] adopted: the next `landfall up` would change what the plans above show"
        );
        // What nobody said yes to stands in the failure.
        assert_eq!(read(&compared(false)), "");
    }
}
