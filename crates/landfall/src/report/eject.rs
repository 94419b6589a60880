//! `landfall eject` and `landfall adopt`.

use super::style::{Style, Text};
use rules::event::Event;

pub(super) fn text(event: &Event, style: &Style) -> Text {
    match event {
        Event::Ejected { directory, roots } => {
            let mut lines = vec![format!("{directory}/README.md describes the next steps")];
            lines.extend(roots.iter().map(|root| format!("{directory}/{root}")));
            Text::Result(lines.join("\n"))
        }
        // Otherwise the failure that follows names the differences.
        Event::Compared {
            differences,
            edits,
            accepted: true,
        } => {
            let differences = differences.iter().map(ToString::to_string);
            let lines: Vec<String> = differences
                .chain(edits.iter().map(ToString::to_string))
                .map(|line| style.warning(format!("not taken over: {line}")))
                .collect();
            match lines.is_empty() {
                true => Text::Nothing,
                false => Text::Progress(lines.join("\n")),
            }
        }
        Event::Adopted { unchanged } => Text::Result(
            match unchanged {
                true => "adopted: landfall would change nothing",
                false => "adopted: the next `landfall up` will make the changes of the plans above",
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
        match text(event, &Style::plain()) {
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
            "[result] plain/README.md describes the next steps\nplain/foundation\nplain/lambda\n\
             warning: not taken over: lambda: log_retention_days is 30 there, and 14 by landfall.toml\n\
             warning: not taken over: lambda/mine.tf was added\n\
             [result] adopted: landfall would change nothing\n\
             [result] adopted: the next `landfall up` will make the changes of the plans above"
        );
        // The failure names what is not confirmed.
        assert_eq!(read(&compared(false)), "");
    }
}
