//! Puts events on the screen: as JSON, as lines, or in the view.

use super::heartbeat::Heartbeat;
use super::style::{Style, Text};
use super::text::text;
use super::view::View;
use super::{Details, now};
use rules::app::manifest::Target;
use rules::event::{Event, Line, VERSION};
use rules::leave::ci::partition;
use rules::shape::permissions::Scope;
use rules::time::Timestamp;
use std::io::{IsTerminal as _, Write as _};

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volume {
    /// Results, warnings and failures.
    Quiet,
    Usual,
    /// The output of the tools, too.
    Verbose,
}

pub(super) struct Printer {
    pub(super) json: bool,
    volume: Volume,
    pub(super) terminal: bool,
    color: bool,
    pub(super) details: Details,
    /// Whose terms a release is reported in.
    pub(super) target: Target,
    heartbeat: Heartbeat,
    /// Only on a terminal that can move its cursor.
    pub(super) view: Option<View>,
    /// Where the command acts, once an event has reported it.
    pub(super) scope: Option<Scope>,
}

impl Printer {
    /// And whether it has a view.
    pub(super) fn new(json: bool, volume: Volume) -> (Printer, bool) {
        let terminal = std::io::stderr().is_terminal();
        // A terminal without a name, or with the name `dumb`, has no escape sequences.
        let is_able =
            std::env::var_os("TERM").is_some_and(|name| !name.is_empty() && name != "dumb");
        // https://no-color.org
        let color = terminal
            && is_able
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let has_view = terminal && is_able && !json && volume != Volume::Quiet;
        let view = has_view.then(|| View::new(color));
        let printer = Printer {
            json,
            volume,
            terminal,
            color,
            details: Details::Summary,
            target: Target::Fargate,
            heartbeat: Heartbeat::new(view.is_some()),
            view,
            scope: None,
        };
        (printer, has_view)
    }

    pub(super) fn print(&mut self, event: Event) {
        let at = now();
        self.scope = scope(&event).or(self.scope.take());
        if self.json {
            let line = Line {
                v: VERSION,
                at,
                event,
            };
            // If the pipe is closed, nothing reads the event.
            if let Ok(text) = serde_json::to_string(&line) {
                let _ = writeln!(std::io::stdout(), "{text}");
            }
            return;
        }
        let style = Style {
            verbose: self.volume == Volume::Verbose,
            color: self.color,
            details: self.details,
            target: self.target,
        };
        let printed = text(&event, &style);
        if self.volume == Volume::Quiet && !is_news(&event, &printed) {
            return;
        }
        let last = self.heartbeat.fold(&event, at);
        let is_shown = match &mut self.view {
            Some(view) => view.fold(&event, at, &style),
            None => false,
        };
        if let Some(line) = last {
            self.print_progress(&line, at);
        }
        let printed = match is_shown {
            true => Text::Nothing,
            false => printed,
        };
        match (printed, &mut self.view) {
            // No later picture removes it.
            (Text::Nothing, Some(view)) if matches!(event, Event::Ended { .. }) => {
                view.step_aside()
            }
            (Text::Nothing, Some(view)) => view.refresh(at),
            (Text::Nothing, None) => {}
            (Text::Progress(text), _) => self.print_progress(&text, at),
            (Text::Result(text), view) => {
                if let Some(view) = view {
                    view.step_aside();
                }
                let _ = writeln!(std::io::stdout(), "{text}");
                if let Some(view) = view {
                    view.print("", at);
                }
            }
        }
    }

    fn print_progress(&mut self, text: &str, at: Timestamp) {
        match &mut self.view {
            Some(view) => view.print(text, at),
            None => {
                let _ = writeln!(std::io::stderr(), "{text}");
            }
        }
    }

    pub(super) fn do_without_view(&mut self) {
        if let Some(mut view) = self.view.take() {
            view.step_aside();
            self.heartbeat.only_last = false;
        }
    }
}

/// Where a command acts, if the event reports it.
fn scope(event: &Event) -> Option<Scope> {
    match event {
        Event::Place {
            name,
            environment,
            account,
            region,
            ..
        } => Some(Scope {
            partition: partition(region).to_owned(),
            account: account.clone(),
            region: region.clone(),
            app: name.clone(),
            environment: environment.clone(),
            domain: None,
            role_path: "/".to_owned(),
            boundary: None,
        }),
        _ => None,
    }
}

/// Whether an event is printed with `--quiet`.
fn is_news(event: &Event, text: &Text) -> bool {
    let is_result = matches!(text, Text::Result(_));
    is_result || matches!(event, Event::Warning { .. } | Event::Failed { .. })
}
