//! What a Dockerfile states about the image it builds, read without building it.
//!
//! The answer is about the last stage and the stages it is based on. What a base image from a
//! registry exposes is not in the text, and build arguments count with their defaults. Where the
//! text does not determine an answer there is none: a wrong port costs more than a question.
//! <https://docs.docker.com/reference/dockerfile/>

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::Chars;

/// Longest expanded text. `ENV A=$A$A` doubles with every line; nothing that long is a port.
const EXPANDED_LENGTH: usize = 4096;

/// Deepest nesting of `${A:-${B:-…}}`.
const EXPANSION_DEPTH: usize = 8;

/// The ports of the `EXPOSE` instructions of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposed {
    /// The TCP ports, ascending and never 0; empty if there is no `EXPOSE`.
    Ports(Vec<u16>),
    /// The text alone does not determine the port, such as `EXPOSE $PORT` without a value for `PORT`.
    Unclear {
        /// Line in the Dockerfile, counted from 1.
        line: usize,
        /// The instruction as written, continuation lines joined.
        instruction: String,
    },
}

/// The TCP ports that the image exposes.
pub fn exposed_ports(dockerfile: &str) -> Exposed {
    let stage = last_stage(dockerfile);
    match stage.unclear {
        Some((line, instruction)) => Exposed::Unclear { line, instruction },
        None => Exposed::Ports(stage.ports.into_iter().collect()),
    }
}

/// The user that the image runs as, if the Dockerfile sets one and its value is known.
pub fn final_user(dockerfile: &str) -> Option<String> {
    last_stage(dockerfile).user
}

/// What the instructions of a stage, and of those it is based on, amount to.
#[derive(Debug, Clone, Default)]
struct Stage {
    variables: Variables,
    ports: BTreeSet<u16>,
    /// First `EXPOSE` (or `FROM`) that leaves the ports open.
    unclear: Option<(usize, String)>,
    user: Option<String>,
}

/// Goes through the text as `docker build` does; an empty stage if it has no `FROM`.
fn last_stage(dockerfile: &str) -> Stage {
    let text = Text::new(dockerfile);
    // Variables before the first FROM hold in FROM instructions only, unless a stage asks for them.
    let mut global = Variables::default();
    let mut named: BTreeMap<String, Stage> = BTreeMap::new();
    let mut current: Option<(Option<String>, Stage)> = None;
    for instruction in instructions(&text) {
        if instruction.keyword == "FROM" {
            if let Some((Some(name), stage)) = current.take() {
                named.insert(name, stage);
            }
            current = Some(begin_stage(&instruction, text.escape, &global, &named));
            continue;
        }
        match (&mut current, instruction.keyword.as_str()) {
            (None, "ARG") => global.declare(&instruction.rest, text.escape, None),
            (None, _) => {}
            (Some((_, stage)), _) => stage.follow(&instruction, text.escape, &global),
        }
    }
    current.map(|(_, stage)| stage).unwrap_or_default()
}

/// The stage that a `FROM` begins, with its name in lowercase if it has one.
fn begin_stage(
    from: &Instruction,
    escape: char,
    global: &Variables,
    named: &BTreeMap<String, Stage>,
) -> (Option<String>, Stage) {
    let words = words(&from.rest, escape);
    let mut words = words.iter().skip_while(|word| word.starts_with("--"));
    let base = words.next().map(|word| global.expand(word, escape));
    let name = match (words.next(), words.next()) {
        (Some(keyword), Some(name)) if keyword.eq_ignore_ascii_case("as") => {
            Some(name.to_lowercase())
        }
        _ => None,
    };
    let stage = match base {
        Some(Some(base)) => named.get(&base.to_lowercase()).cloned().unwrap_or_default(),
        // An unknown base may be any of the stages: it only matters if one of them exposes ports.
        _ if named.values().any(Stage::exposes_ports) => Stage {
            unclear: Some(from.as_written()),
            ..Stage::default()
        },
        _ => Stage::default(),
    };
    (name, stage)
}

impl Stage {
    fn exposes_ports(&self) -> bool {
        !self.ports.is_empty() || self.unclear.is_some()
    }

    /// Takes in one instruction after `FROM`.
    fn follow(&mut self, instruction: &Instruction, escape: char, global: &Variables) {
        match instruction.keyword.as_str() {
            "ARG" => self
                .variables
                .declare(&instruction.rest, escape, Some(global)),
            "ENV" => self.variables.set(&instruction.rest, escape),
            "USER" => {
                let user = self.variables.expand(&instruction.rest, escape);
                self.user = user.filter(|user| !user.is_empty());
            }
            "EXPOSE" => {
                let ports = self.expose(&instruction.rest, escape);
                match ports {
                    Some(ports) => self.ports.extend(ports),
                    None => {
                        self.unclear.get_or_insert_with(|| instruction.as_written());
                    }
                }
            }
            _ => {}
        }
    }

    /// The TCP ports of one `EXPOSE`; `None` if any of them is not determined.
    fn expose(&self, rest: &str, escape: char) -> Option<Vec<u16>> {
        let mut ports = Vec::new();
        for word in words(rest, escape) {
            // A variable may hold several ports.
            for spec in self.variables.expand(&word, escape)?.split_whitespace() {
                ports.extend(tcp_ports(spec)?);
            }
        }
        Some(ports)
    }
}

/// The TCP ports of `8080`, `8080/tcp` or `8000-8002`; none of those of other protocols.
fn tcp_ports(spec: &str) -> Option<Vec<u16>> {
    let (range, protocol) = spec.split_once('/').unwrap_or((spec, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (port(first)?, port(last)?);
    match protocol.to_ascii_lowercase().as_str() {
        _ if first > last => None,
        "tcp" => Some((first..=last).collect()),
        "udp" | "sctp" => Some(Vec::new()),
        _ => None,
    }
}

fn port(text: &str) -> Option<u16> {
    // The number parser accepts a sign, Docker does not.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

/// One instruction with its continuation lines joined.
struct Instruction {
    /// Line on which it begins, counted from 1.
    line: usize,
    /// In capitals.
    keyword: String,
    rest: String,
}

impl Instruction {
    fn as_written(&self) -> (usize, String) {
        (self.line, format!("{} {}", self.keyword, self.rest))
    }
}

/// The lines of a Dockerfile and the character that escapes line ends in it.
struct Text<'t> {
    escape: char,
    lines: Vec<&'t str>,
}

impl<'t> Text<'t> {
    fn new(text: &'t str) -> Text<'t> {
        let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
        // Directives are comments at the very top; anything else ends them.
        let escape = lines
            .iter()
            .map_while(|line| line.trim().strip_prefix('#')?.split_once('='))
            .take_while(|(key, _)| key.trim().bytes().all(|b| b.is_ascii_alphanumeric()))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case("escape"))
            .map(|(_, value)| value.trim());
        Text {
            escape: if escape == Some("`") { '`' } else { '\\' },
            lines,
        }
    }

    /// What stands before the escape character at the end of a line that goes on in the next.
    fn continued<'l>(&self, line: &'l str) -> Option<&'l str> {
        let before = line
            .trim_end_matches([' ', '\t'])
            .strip_suffix(self.escape)?;
        (!before.ends_with(self.escape)).then_some(before)
    }
}

fn is_comment_or_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// All instructions in order, without comments and without the bodies of heredocs.
fn instructions(text: &Text<'_>) -> Vec<Instruction> {
    let mut found = Vec::new();
    let mut next = 0;
    while next < text.lines.len() {
        let first = next;
        let mut line = text.lines[next];
        next += 1;
        if is_comment_or_blank(line) {
            continue;
        }
        let mut whole = String::new();
        while let Some(part) = text.continued(line) {
            whole.push_str(part);
            // Comments and blank lines inside an instruction do not end it.
            while next < text.lines.len() && is_comment_or_blank(text.lines[next]) {
                next += 1;
            }
            line = text.lines.get(next).copied().unwrap_or_default();
            next += 1;
        }
        whole.push_str(line);
        let whole = whole.trim();
        let (keyword, rest) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
        let instruction = Instruction {
            line: first + 1,
            keyword: keyword.to_ascii_uppercase(),
            rest: rest.trim_start().to_owned(),
        };
        if matches!(
            instruction.keyword.as_str(),
            "RUN" | "COPY" | "ADD" | "ONBUILD"
        ) {
            for (delimiter, tabs_stripped) in heredocs(&instruction.rest, text.escape) {
                let ends = |line: &&str| match tabs_stripped {
                    true => line.trim_start_matches('\t') == delimiter,
                    false => **line == delimiter,
                };
                // A heredoc without an end is an error that Docker reports.
                let body = text.lines.get(next..).unwrap_or_default();
                next += body.iter().position(ends).map_or(0, |end| end + 1);
            }
        }
        found.push(instruction);
    }
    found
}

/// Delimiters of the heredocs that a line opens, and whether tabs before the end are stripped
/// (`<<-`). `<<<` is none.
fn heredocs(rest: &str, escape: char) -> Vec<(String, bool)> {
    let opened = |word: &String| {
        let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let word = word.strip_prefix("<<")?;
        let (word, tabs_stripped) = match word.strip_prefix('-') {
            Some(word) => (word, true),
            None => (word, false),
        };
        let delimiter: String = word.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
        (!delimiter.is_empty() && !delimiter.contains('<')).then_some((delimiter, tabs_stripped))
    };
    words(rest, escape).iter().filter_map(opened).collect()
}

/// Splits at whitespace outside quotes; quotes and escapes stay in the words.
fn words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        word.push(c);
        match quote {
            _ if c == escape && quote != Some('\'') => word.extend(chars.next()),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// The variables that are set at one point of a Dockerfile. A value of `None` means that the
/// variable is set to something that the text does not determine.
#[derive(Debug, Clone, Default)]
struct Variables {
    args: BTreeMap<String, Option<String>>,
    env: BTreeMap<String, Option<String>>,
}

impl Variables {
    /// `ENV` wins over `ARG`, whichever comes first.
    fn get(&self, name: &str) -> Option<&Option<String>> {
        self.env.get(name).or_else(|| self.args.get(name))
    }

    /// `ARG NAME=default …`; a name alone asks for the value from before the first `FROM`.
    fn declare(&mut self, rest: &str, escape: char, global: Option<&Variables>) {
        // All words see the values from before the instruction.
        let before = self.clone();
        for word in words(rest, escape) {
            match word.split_once('=') {
                Some((name, value)) => {
                    let value = before.expand(value, escape);
                    self.args.insert(name.to_owned(), value);
                }
                None => {
                    if let Some(value) = global.and_then(|global| global.get(&word)) {
                        self.args.insert(word, value.clone());
                    }
                }
            }
        }
    }

    /// `ENV NAME=value …` or, in its old form, `ENV NAME value`.
    fn set(&mut self, rest: &str, escape: char) {
        let before = self.clone();
        let words = words(rest, escape);
        if words.first().is_some_and(|word| !word.contains('=')) {
            let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let value = before.expand(value.trim(), escape);
            self.env.insert(name.to_owned(), value);
            return;
        }
        for (name, value) in words.iter().filter_map(|word| word.split_once('=')) {
            let value = before.expand(value, escape);
            self.env.insert(name.to_owned(), value);
        }
    }

    /// Replaces variables and removes quotes; `None` if a value is not known.
    fn expand(&self, text: &str, escape: char) -> Option<String> {
        self.expand_nested(text, escape, 0)
    }

    fn expand_nested(&self, text: &str, escape: char, depth: usize) -> Option<String> {
        if depth > EXPANSION_DEPTH {
            return None;
        }
        let mut expanded = String::new();
        let mut quote = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                _ if quote == Some('\'') && c != '\'' => expanded.push(c),
                _ if c == escape => expanded.push(chars.next()?),
                '"' | '\'' if quote.is_none() => quote = Some(c),
                _ if quote == Some(c) => quote = None,
                '$' => expanded.push_str(&self.substitute(&mut chars, escape, depth)?),
                _ => expanded.push(c),
            }
            if expanded.len() > EXPANDED_LENGTH {
                return None;
            }
        }
        quote.is_none().then_some(expanded)
    }

    /// The value of `$NAME` or `${NAME…}`, of which the dollar sign has been read.
    fn substitute(
        &self,
        chars: &mut Peekable<Chars<'_>>,
        escape: char,
        depth: usize,
    ) -> Option<String> {
        let name_ends = |c: &char| !(c.is_ascii_alphanumeric() || *c == '_');
        if chars.next_if_eq(&'{').is_none() {
            let mut name = String::new();
            while let Some(c) = chars.next_if(|c| !name_ends(c)) {
                name.push(c);
            }
            return self.get(&name)?.clone();
        }
        let inside = until_closing_brace(chars)?;
        let name_length = inside.find(|c| name_ends(&c)).unwrap_or(inside.len());
        let (name, operation) = inside.split_at(name_length);
        let value = self.get(name);
        // Set to something unknown: neither the value nor whether it is empty is known.
        if value == Some(&None) {
            return None;
        }
        let value = value.cloned().flatten();
        let filled = value.clone().filter(|value| !value.is_empty());
        let word = |word| self.expand_nested(word, escape, depth + 1);
        match operation.split_at_checked(operation.len().min(1))? {
            ("", _) => value,
            ("-", default) => value.or_else(|| word(default)),
            ("+", instead) => value.map_or(Some(String::new()), |_| word(instead)),
            (":", rest) => match rest.split_at_checked(1)? {
                ("-", default) => filled.or_else(|| word(default)),
                ("+", instead) => filled.map_or(Some(String::new()), |_| word(instead)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The text up to the brace that closes the one already read, which is consumed too.
fn until_closing_brace(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut inside = String::new();
    let mut open = 1;
    for c in chars.by_ref() {
        open += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if open == 0 {
            return Some(inside);
        }
        inside.push(c);
    }
    None
}
