//! The problems of the settings, reported so that all of them can be fixed after one reading.

use std::fmt;

/// Values longer than this are cut in messages: the beginning is enough to find them.
const SHOWN: usize = 60;

/// A value that was refused, before anyone knows where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What was found.
    pub what: String,
    /// Which rule it breaks.
    pub why: String,
    /// What to write instead.
    pub fix: String,
}

impl Invalid {
    /// A refused value.
    pub(crate) fn new(
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Invalid {
        Invalid {
            what: what.into(),
            why: why.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.what, self.why, self.fix)
    }
}

impl std::error::Error for Invalid {}

/// One thing that keeps the app from being deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in `landfall.toml`, counted from 1; `None` if the problem lies elsewhere.
    pub line: Option<usize>,
    /// The key concerned (`port`, `env.LOG_LEVEL`), if one is.
    pub key: Option<String>,
    /// What was found.
    pub what: String,
    /// The evidence, or the rule that it breaks.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

impl Problem {
    /// A refused value, now with its place.
    pub(crate) fn at(line: Option<usize>, key: &str, invalid: Invalid) -> Problem {
        Problem {
            line,
            key: Some(key.to_owned()),
            what: invalid.what,
            why: invalid.why,
            fix: invalid.fix,
        }
    }
}

/// All problems together: at least one, by line, those without a line last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts what was collected; `None` if that is nothing.
    pub fn collect(mut problems: Vec<Problem>) -> Option<Problems> {
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        (!problems.is_empty()).then_some(Problems(problems))
    }

    /// The problems, sorted.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = match self.0.len() {
            1 => "1 problem".to_owned(),
            several => format!("{several} problems"),
        };
        // The file is named once at the top when it holds all problems, else at each line.
        let all_in_file = self.0.iter().all(|problem| problem.line.is_some());
        if all_in_file {
            write!(f, "{} has {count}:", super::FILE)?;
        } else {
            write!(f, "this app has {count}:")?;
        }
        for problem in &self.0 {
            f.write_str("\n  ")?;
            match problem.line {
                Some(line) if all_in_file => write!(f, "line {line}: ")?,
                Some(line) => write!(f, "{} line {line}: ", super::FILE)?,
                None => {}
            }
            write!(f, "{}: {}", problem.what, problem.why)?;
            write!(f, "\n    fix: {}", problem.fix)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A value from outside in backticks: on one line, without control characters, not endless.
pub(crate) fn quoted(text: &str) -> String {
    if text.is_empty() {
        return "`\"\"`".to_owned();
    }
    let mut shown = String::new();
    for c in text.chars().take(SHOWN) {
        match c {
            // Harmless between backticks, and easier to recognize as they are.
            '"' | '\'' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// `a, b and c`.
pub(crate) fn listed<T: fmt::Display>(items: &[T], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.to_string(),
        [first @ .., end] => {
            let first: Vec<String> = first.iter().map(T::to_string).collect();
            format!("{} {last} {end}", first.join(", "))
        }
    }
}
