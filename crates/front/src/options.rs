//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How to use the program.
pub const USAGE: &str = "\
landfall-front rules [--markdown]
landfall-front serve --listen ADDRESS --upstream URL [--listen ADDRESS --upstream URL ...]
    [--data KIND=ADDRESS,URL ...]   KIND is alb, cloudfront or api
    [--control ADDRESS]             GET /rules and /scenarios, POST and DELETE /scenarios/NAME,
                                    POST /logs-delay, /gates and /data/KIND
    [--scenario NAME[=VALUE] ...]   selects refusals and other scenarios
    [--seed NUMBER]                 repeats the draws of a rehearsal
    [--real-times]                  delays are as long as on AWS
    [--logs-delay SECONDS]          how late lines of logs arrive
    [--record FILE]                 appends each call of AWS's API as a line of JSON
";

/// A command.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Prints the rules.
    Rules {
        /// As a table in Markdown.
        is_markdown: bool,
    },
    /// Runs the proxy.
    Serve(Box<Serve>),
}

/// What the proxy is to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Serve {
    /// Listeners for calls of AWS's API: address, and URL of the emulator.
    pub listeners: Vec<(String, String)>,
    /// Listeners for users' requests.
    pub data: Vec<Data>,
    /// Address of the control endpoint.
    pub control: Option<String>,
    /// Scenarios with their values.
    pub scenarios: BTreeMap<String, String>,
    /// Seed of the draws.
    pub seed: u64,
    /// Whether delays are as long as on AWS.
    pub real_times: bool,
    /// How late lines of logs arrive.
    pub logs_delay: Option<Duration>,
    /// The file to which calls are appended.
    pub record: Option<PathBuf>,
}

/// A listener for users' requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// What it behaves like.
    pub kind: Kind,
    /// Its address.
    pub listen: String,
    /// Where requests go.
    pub upstream: String,
}

/// What a listener for users' requests behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A load balancer.
    Alb,
    /// CloudFront.
    CloudFront,
    /// An HTTP API.
    Api,
}

impl Kind {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Alb => "alb",
            Kind::CloudFront => "cloudfront",
            Kind::Api => "api",
        }
    }

    /// The kind with this name.
    ///
    /// # Errors
    /// There is none.
    pub fn read(name: &str) -> Result<Kind, String> {
        let all = [Kind::Alb, Kind::CloudFront, Kind::Api];
        let found = all.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| format!("{name} is not alb, cloudfront or api"))
    }
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// What is wrong with them.
pub fn read(arguments: &[String]) -> Result<Command, String> {
    match arguments.first().map(String::as_str) {
        Some("rules") => match arguments.get(1).map(String::as_str) {
            None => Ok(Command::Rules { is_markdown: false }),
            Some("--markdown") => Ok(Command::Rules { is_markdown: true }),
            Some(other) => Err(format!("unknown argument {other}")),
        },
        Some("serve") => serve(&arguments[1..]).map(|serve| Command::Serve(Box::new(serve))),
        Some(other) => Err(format!("unknown command {other}")),
        None => Err("no command".to_owned()),
    }
}

fn serve(arguments: &[String]) -> Result<Serve, String> {
    let mut serve = Serve::default();
    let mut listen: Option<String> = None;
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        if name == "--real-times" {
            serve.real_times = true;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--listen" if listen.is_none() => listen = Some(value.clone()),
            "--upstream" => {
                let listen = listen.take().ok_or("--upstream follows --listen")?;
                serve.listeners.push((listen, url(value)?));
            }
            "--data" => serve.data.push(data(value)?),
            "--control" => serve.control = Some(value.clone()),
            "--scenario" => {
                let (name, value) = value.split_once('=').unwrap_or((value, ""));
                serve.scenarios.insert(name.to_owned(), value.to_owned());
            }
            "--seed" => {
                serve.seed = value.parse().map_err(|_| format!("{value} is no seed"))?;
            }
            "--logs-delay" => serve.logs_delay = Some(seconds(value)?),
            "--record" => serve.record = Some(value.into()),
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    if listen.is_some() {
        return Err("--listen needs --upstream".to_owned());
    }
    if serve.listeners.is_empty() && serve.data.is_empty() {
        return Err("nothing to listen on".to_owned());
    }
    Ok(serve)
}

fn data(text: &str) -> Result<Data, String> {
    let wrong = || format!("{text} is not KIND=ADDRESS,URL");
    let (kind, rest) = text.split_once('=').ok_or_else(wrong)?;
    let (listen, upstream) = rest.split_once(',').ok_or_else(wrong)?;
    Ok(Data {
        kind: Kind::read(kind)?,
        listen: listen.to_owned(),
        upstream: url(upstream)?,
    })
}

/// A URL of an emulator, without a slash at its end.
///
/// # Errors
/// It is not `http://HOST:PORT`.
pub fn url(text: &str) -> Result<String, String> {
    let host = text.trim_end_matches('/').strip_prefix("http://");
    match host {
        Some(host) if !host.is_empty() && !host.contains('/') => Ok(format!("http://{host}")),
        _ => Err(format!("{text} is not http://HOST:PORT")),
    }
}

/// A number of seconds.
///
/// # Errors
/// It is none.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is not a number of seconds");
    let seconds: f64 = text.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_argument_is_read() {
        let line = "serve --listen 127.0.0.1:0 --upstream http://127.0.0.1:1/ \
                    --listen 127.0.0.1:2 --upstream http://h:3 --data alb=127.0.0.1:4,http://h:5 \
                    --control 127.0.0.1:6 --scenario five-vpcs --scenario region-denied=eu-west-2 \
                    --seed 9 --real-times --logs-delay 0.5 --record calls.jsonl";
        let Ok(Command::Serve(serve)) = read(&words(line)) else {
            panic!("not read");
        };
        assert_eq!(serve.listeners[0].1, "http://127.0.0.1:1");
        assert_eq!(serve.listeners.len(), 2);
        assert_eq!(serve.data[0].kind, Kind::Alb);
        assert_eq!(serve.scenarios["region-denied"], "eu-west-2");
        assert_eq!((serve.seed, serve.real_times), (9, true));
        assert_eq!(serve.logs_delay, Some(Duration::from_millis(500)));
        let rules = read(&words("rules --markdown"));
        assert_eq!(rules, Ok(Command::Rules { is_markdown: true }));
    }

    #[test]
    fn mistakes_are_reported() {
        for line in [
            "",
            "other",
            "serve",
            "serve --listen 127.0.0.1:0",
            "serve --upstream http://h:1",
            "serve --listen a --upstream https://h:1",
            "serve --data alb=1",
            "serve --data tcp=a,http://h:1",
            "serve --listen a --upstream http://h:1 --logs-delay soon",
            "serve --listen a --upstream http://h:1 --seed",
            "serve --listen a --upstream http://h:1 --unknown 1",
        ] {
            assert!(read(&words(line)).is_err(), "{line}");
        }
    }
}
