//! The only place that prints: events as text for people, or as one JSON object a line.
//!
//! Results go to standard output, progress to standard error, so that `landfall url` can be used in a
//! pipe. With `--json` everything goes to standard output. On a terminal what is going on stands in a view
//! below the lines; anywhere else lines say it, now and then.

mod doctor;
mod eject;
mod heartbeat;
mod history;
mod live;
mod proposal;
mod secrets;
mod view;
mod words;

use self::heartbeat::Heartbeat;
use self::history::{entry_line, past_line};
use self::view::View;
pub(crate) use self::words::step_words;
use self::words::{pings, ports, reaped, step_text, traffic};
use rules::event::{Event, Line, Phase, Progress, VERSION};
use rules::leave::ci::partition;
use rules::release::verdict::Verdict;
use rules::shape::permissions::Scope;
use rules::shape::plan::Action;
use rules::time::{Timestamp, readable};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where events go. Clones share one printer.
#[derive(Clone)]
pub(crate) struct Report {
    printer: Arc<Mutex<Printer>>,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volume {
    /// Results, warnings and failures.
    Quiet,
    Usual,
    /// What the tools say, too.
    Verbose,
}

struct Printer {
    json: bool,
    volume: Volume,
    terminal: bool,
    color: bool,
    /// Whether plans, price and review are what was asked for, and not on the way to something else.
    details: bool,
    heartbeat: Heartbeat,
    /// Only on a terminal that can move its cursor.
    view: Option<View>,
    /// Where the command acts, once it has said so.
    scope: Option<Scope>,
}

/// The clock of the whole command line.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Report {
    pub(crate) fn new(json: bool, volume: Volume) -> Report {
        let terminal = std::io::stderr().is_terminal();
        // A terminal without a name, or one that calls itself dumb, knows no escape sequences.
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
            details: false,
            heartbeat: Heartbeat::new(view.is_some()),
            view,
            scope: None,
        };
        let report = Report {
            printer: Arc::new(Mutex::new(printer)),
        };
        if has_view {
            report.give_way_to_panics();
        }
        report
    }

    pub(crate) fn emit(&self, event: Event) {
        let mut printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        printer.print(event);
    }

    /// From now on plans, price and review are results, told in full.
    pub(crate) fn show_details(&self) {
        let mut printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        printer.details = true;
    }

    /// Where the command acts, once it has said so.
    pub(crate) fn scope(&self) -> Option<Scope> {
        let printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        printer.scope.clone()
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note { text: text.into() });
    }

    /// Whether a question can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        let printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        !printer.json && printer.terminal && std::io::stdin().is_terminal()
    }

    /// Asks and waits for a line; anything but `y` or `yes` is no. The view is away meanwhile: the lock
    /// is held until the answer is there.
    pub(crate) fn ask(&self, question: &str) -> bool {
        let mut printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = &mut printer.view {
            view.step_aside();
        }
        eprint!("{question} [y/N] ");
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer).is_ok();
        read && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Asks for a line that the terminal does not show. Only where [`Report::can_ask`].
    pub(crate) fn ask_hidden(&self, question: &str) -> std::io::Result<Vec<u8>> {
        let mut printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = &mut printer.view {
            view.step_aside();
        }
        let _hidden = Hidden::begin()?;
        eprint!("{question}");
        let _ = std::io::stderr().flush();
        let mut line = Vec::new();
        std::io::stdin().lock().read_until(b'\n', &mut line)?;
        Ok(line)
    }
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn begin() -> std::io::Result<Hidden> {
        let before = tcgetattr(std::io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // Whoever presses Enter sees that it was taken.
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Hidden { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.before);
    }
}

impl Printer {
    fn print(&mut self, event: Event) {
        let at = now();
        self.scope = scope(&event).or(self.scope.take());
        if self.json {
            let line = Line {
                v: VERSION,
                at,
                event,
            };
            // An event that could not be written to a closed pipe is nobody's loss.
            if let Ok(text) = serde_json::to_string(&line) {
                let _ = writeln!(std::io::stdout(), "{text}");
            }
            return;
        }
        if self.volume == Volume::Quiet && !is_news(&event) {
            return;
        }
        let verbose = self.volume == Volume::Verbose;
        let last = self.heartbeat.fold(&event, at);
        let is_shown = match &mut self.view {
            Some(view) => view.fold(&event, at, verbose),
            None => false,
        };
        if let Some(line) = last {
            self.print_progress(&line, at);
        }
        let details = match self.details {
            true => proposal::details(&event, verbose, self.color),
            false => None,
        };
        let text = if is_shown {
            Text::Nothing
        } else if let Some(text) = details {
            Text::Result(text)
        } else {
            text(&event, verbose, self.color)
        };
        match (text, &mut self.view) {
            // No later picture will take it away.
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

    fn do_without_view(&mut self) {
        if let Some(mut view) = self.view.take() {
            view.step_aside();
            self.heartbeat.only_last = false;
        }
    }
}

/// Where a command acts, if that is what an event says.
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
        }),
        _ => None,
    }
}

/// Whether an event is said when little is to be said.
fn is_news(event: &Event) -> bool {
    let is_result = matches!(text(event, false, false), Text::Result(_));
    is_result || matches!(event, Event::Warning { .. } | Event::Failed { .. })
}

/// An event as text, and where it goes.
#[derive(Debug, PartialEq, Eq)]
enum Text {
    Nothing,
    Progress(String),
    Result(String),
}

/// Pure, so that everything a person reads can be held against a snapshot.
fn text(event: &Event, verbose: bool, color: bool) -> Text {
    let paint = |code: &str, text: &str| {
        if color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    };
    let progress = Text::Progress;
    match event {
        Event::PhaseStarted { phase } => match phase {
            // Too short to announce; its end is shown.
            Phase::Preflight => Text::Nothing,
            phase => progress(format!("{} …", phase.as_str())),
        },
        Event::PhaseFinished { time } => {
            let took = readable(Duration::from_secs_f64(time.seconds));
            progress(format!(
                "{} {} ({took})",
                paint("32", "✓"),
                time.phase.as_str()
            ))
        }
        Event::Place {
            name,
            environment,
            account,
            region,
            rehearsal,
        } => {
            let place = if *rehearsal {
                "rehearsal, AWS emulators on this machine"
            } else {
                "AWS"
            };
            progress(format!(
                "{name} ({environment}) in account {account}, {region} — {place}"
            ))
        }
        Event::Note { text } => progress(format!("  {text}")),
        Event::Warning { text } => progress(format!("{} {text}", paint("33", "warning:"))),
        Event::Planned {
            root,
            changes,
            summary,
        } => {
            let mut lines = vec![format!("  plan of {root}: {summary}")];
            let only_deletes = changes.iter().all(|change| change.action == Action::Delete);
            for change in changes {
                let sign = match change.action {
                    Action::Create => paint("32", "+"),
                    Action::Update => paint("33", "~"),
                    Action::Replace => paint("31", "±"),
                    Action::Delete => paint("31", "-"),
                    Action::Forget => "·".to_owned(),
                };
                // What is made, or all that goes, is a long list that says little; what a change destroys or
                // alters is named always.
                let says_little = match change.action {
                    Action::Create => true,
                    Action::Delete => only_deletes,
                    _ => false,
                };
                if verbose || !says_little {
                    lines.push(format!("    {sign} {}", change.address));
                }
            }
            progress(lines.join("\n"))
        }
        Event::Priced { .. }
        | Event::Reviewed { .. }
        | Event::Proposed { .. }
        | Event::Spent(_)
        | Event::Renewed(_) => proposal::text(event, verbose, color),
        Event::Lifetime { lifetime } => match lifetime.describe() {
            Some(words) => progress(format!("  {words}")),
            None => Text::Nothing,
        },
        Event::Lifetimes {
            environments,
            unseen,
            seen_at,
        } => Text::Result(rules::operate::expiry::describe(
            environments,
            unseen,
            *seen_at,
        )),
        Event::Reaped { removed, failed } => Text::Result(reaped(removed, failed)),
        Event::Doomed { things } => {
            let mut lines = vec![format!("  to be removed: {} things found", things.len())];
            lines.extend(things.iter().map(|thing| {
                format!(
                    "    {} {} {}",
                    paint("31", "-"),
                    thing.kind.as_str(),
                    thing.id
                )
            }));
            progress(lines.join("\n"))
        }
        Event::Resource {
            address,
            action,
            progress: how_far,
            seconds,
            ..
        } => match how_far {
            Progress::Finished => progress(format!("  {address}: {action} done, {seconds:.0} s")),
            Progress::Errored => progress(format!("  {address}: {action} failed, {seconds:.0} s")),
            Progress::Started | Progress::Waiting => Text::Nothing,
        },
        Event::Output { tool, line } => {
            if verbose {
                progress(format!("  {tool}: {line}"))
            } else {
                Text::Nothing
            }
        }
        Event::Step { step } => match step_text(step) {
            Some(text) => progress(format!("  {text}")),
            None => Text::Nothing,
        },
        Event::Autopsy { cause, evidence } => {
            let explanation = cause.explain();
            let mut lines = vec![format!("{} {}", paint("31", "cause:"), explanation.what)];
            for task in evidence.stopped.iter().take(3) {
                let exit = task
                    .exit_code
                    .map(|code| format!(", exit code {code}"))
                    .unwrap_or_default();
                let words = [task.stopped_reason.as_str(), task.container_reason.as_str()]
                    .into_iter()
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join("; ");
                lines.push(format!(
                    "  task {} stopped ({}{exit}): {words}",
                    task.id, task.stop_code
                ));
            }
            for target in evidence.targets.iter().take(3) {
                lines.push(format!(
                    "  target {} {} {} {}",
                    target.id, target.state, target.reason, target.description
                ));
            }
            if let Some(listening) = &evidence.listens_on {
                lines.push(format!(
                    "  run on this machine, the image {}",
                    ports(listening)
                ));
            }
            if evidence.log.is_empty() {
                lines.push("  it wrote nothing".to_owned());
            } else {
                lines.push("  the last it wrote:".to_owned());
                lines.extend(evidence.log.iter().map(|line| format!("    {line}")));
            }
            progress(lines.join("\n"))
        }
        Event::Judged { verdict } => match verdict {
            Verdict::Serving { digest, answers } => progress(format!(
                "  seen: {} runs; the public address answered {} of {} requests, {} of them with errors of the app",
                digest.short(),
                answers.good + answers.errors,
                answers.asked,
                answers.errors
            )),
            Verdict::OtherDigest { expected, running } => progress(format!(
                "  seen: {} was to run, but {} runs",
                expected.short(),
                match running.as_slice() {
                    [] => "nothing".to_owned(),
                    all => all
                        .iter()
                        .map(|digest| digest.short())
                        .collect::<Vec<_>>()
                        .join(", "),
                }
            )),
            Verdict::Unreachable { answers } => progress(format!(
                "  seen: the public address gave no good answer to {} requests ({} errors, {} lost)",
                answers.asked, answers.errors, answers.lost
            )),
        },
        Event::Url { url } => Text::Result(url.clone()),
        Event::Written { file, what } => Text::Result(format!("{file}: {what}")),
        Event::Secrets { secrets } => Text::Result(secrets::table(secrets)),
        Event::Document { text } => Text::Result(text.trim_end().to_owned()),
        Event::Version(version) => Text::Result(version.describe()),
        Event::Times { phases, total } => {
            let width = phases
                .iter()
                .map(|time| time.phase.as_str().len())
                .max()
                .unwrap_or(0);
            let mut lines = vec!["where the time went (phases overlap):".to_owned()];
            for time in phases {
                lines.push(format!(
                    "  {:width$}  {:7.1} s",
                    time.phase.as_str(),
                    time.seconds
                ));
            }
            lines.push(format!("  {:width$}  {total:7.1} s", "total"));
            progress(lines.join("\n"))
        }
        Event::Status(status) => {
            let mut lines = vec![
                format!(
                    "{} ({}) in account {}, {}",
                    status.name, status.environment, status.account, status.region
                ),
                format!(
                    "url       {} — {}",
                    status.url,
                    if status.answers {
                        "answers"
                    } else {
                        "does not answer"
                    }
                ),
            ];
            for slot in &status.slots {
                let live = match slot.share {
                    0 => String::new(),
                    100 => ", live".to_owned(),
                    share => format!(", live for {share}% of users"),
                };
                let what = match (&slot.revision, &slot.image) {
                    (Some(revision), Some(image)) => format!("revision {revision}, {image}"),
                    _ => "empty".to_owned(),
                };
                lines.push(format!(
                    "{:9} {what}\n          {} of {} tasks run, {} healthy{live}",
                    slot.slot.as_str(),
                    slot.running,
                    slot.desired,
                    slot.healthy
                ));
                if let Some(cause) = &slot.cause {
                    lines.push(format!("          {}", cause.explain().what));
                }
            }
            let lifetime = status.lifetime.as_ref();
            let words = lifetime.and_then(|lifetime| lifetime.describe());
            lines.extend(words.map(|words| format!("life      {words}")));
            Text::Result(lines.join("\n"))
        }
        Event::Log { task, message, .. } => {
            let short: String = task.chars().take(8).collect();
            Text::Result(format!("{} {message}", paint("36", &short)))
        }
        Event::Printed { line } => Text::Result(line.clone()),
        Event::CommandEnded { code } => match code {
            Some(code) => progress(format!("  the command ended with {code}")),
            None => Text::Nothing,
        },
        Event::Left { leftover } => {
            let price = if leftover.billable {
                "may cost money"
            } else {
                "free"
            };
            Text::Result(format!(
                "left: {} {} ({price})\n      {}",
                leftover.kind.as_str(),
                leftover.id,
                leftover.remove
            ))
        }
        Event::Swept {
            left,
            billable,
            unseen,
        } => {
            let mut lines: Vec<String> = unseen
                .iter()
                .map(|what| format!("could not look at {what}"))
                .collect();
            lines.push(rules::operate::sweep::describe(*left, *billable));
            Text::Result(lines.join("\n"))
        }
        Event::Traffic { totals } => progress(traffic(totals)),
        Event::Pinged { pings: seen } => progress(format!(
            "  the public address during the release: {}",
            pings(seen)
        )),
        Event::Foreseen { steps } => {
            let lines: Vec<String> = steps
                .iter()
                .enumerate()
                .map(|(number, step)| format!("{:3}. {}", number + 1, step_words(step)))
                .collect();
            Text::Result(lines.join("\n"))
        }
        Event::Private { url, header, token } => Text::Result(format!(
            "only this reaches it: curl -H '{header}: {token}' {url}"
        )),
        Event::Past(past) => Text::Result(past_line(past)),
        Event::Entry { entry, since } => Text::Result(entry_line(entry, *since)),
        Event::CiReady { file, role_arns } => {
            let roles = role_arns.values().map(|arn| format!("\n{arn}"));
            Text::Result(format!("{file}{}", roles.collect::<String>()))
        }
        Event::Ejected { .. } | Event::Compared { .. } | Event::Adopted { .. } => {
            eject::text(event, color)
        }
        Event::Data { data } => Text::Result(data.to_string()),
        Event::Checked { check } => Text::Result(doctor::line(check, color)),
        Event::Examined { summary, problems } => {
            Text::Result(doctor::end(*summary, problems, color))
        }
        Event::Unchanged { revision } => progress(format!(
            "  revision {revision} serves already: nothing was created, pushed or released"
        )),
        Event::Failed { what, why, next } => {
            let mut lines = vec![format!("{} {what}", paint("31;1", "error:"))];
            lines.extend(why.iter().map(|line| format!("  {line}")));
            lines.extend(
                next.iter()
                    .map(|line| format!("{} {line}", paint("36", "→"))),
            );
            progress(lines.join("\n"))
        }
        // The heartbeat says it, when it is time.
        Event::Watch(_) => Text::Nothing,
        Event::Ended { .. } => Text::Nothing,
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
