//! A command that runs once in the app's image instead of the app.
//!
//! The edge is the image's entry point, and no platform lets a task replace that. So the edge
//! replaces itself: if its environment has a command, it does not listen and does not start the
//! app, but executes the command, with no-new-privileges as usual.

/// Variable with the command.
pub const VARIABLE: &str = "LANDFALL_EDGE_EXEC";

/// Longest text of a command that a task accepts: its overrides may have 8192 characters in total
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>), in which the
/// command is a JSON string, with a backslash before each quote.
pub const LONGEST: usize = 4_000;

/// Why a command cannot be passed to the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidCommand {
    /// It contains no program.
    Empty,
    /// A word contains a zero byte, which no argument of a program can.
    ZeroByte,
    /// It is longer than [`LONGEST`].
    TooLong,
}

impl std::fmt::Display for InvalidCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InvalidCommand::Empty => f.write_str("it names no program"),
            InvalidCommand::ZeroByte => f.write_str("it holds a zero byte"),
            InvalidCommand::TooLong => write!(f, "it has more than {LONGEST} characters"),
        }
    }
}

impl std::error::Error for InvalidCommand {}

/// The command as the variable's value.
///
/// # Errors
/// It cannot be passed.
pub fn write(command: &[String]) -> Result<String, InvalidCommand> {
    check(command)?;
    let text = serde_json::Value::from(command.to_vec()).to_string();
    match text.chars().count() {
        0..=LONGEST => Ok(text),
        _ => Err(InvalidCommand::TooLong),
    }
}

/// Parses the value: a JSON list of words.
pub fn read(text: &str) -> Option<Vec<String>> {
    let command: Vec<String> = serde_json::from_str(text).ok()?;
    check(&command).ok()?;
    Some(command)
}

fn check(command: &[String]) -> Result<(), InvalidCommand> {
    if command.first().is_none_or(String::is_empty) {
        return Err(InvalidCommand::Empty);
    }
    if command.iter().any(|word| word.contains('\0')) {
        return Err(InvalidCommand::ZeroByte);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn commands_that_cannot_be_executed_are_refused() {
        assert_eq!(write(&[]), Err(InvalidCommand::Empty));
        assert_eq!(write(&words(&["", "x"])), Err(InvalidCommand::Empty));
        assert_eq!(
            write(&words(&["sh", "a\0b"])),
            Err(InvalidCommand::ZeroByte)
        );
        let long = "x".repeat(LONGEST);
        assert_eq!(
            write(&words(&["echo", &long])),
            Err(InvalidCommand::TooLong)
        );
        for bad in ["", "sh", "[]", "[\"\"]", "[1]", "{}", "[\"a\\u0000\"]"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_command_is_parsed_as_it_was_written(command in proptest::collection::vec("[^\0]{0,20}", 1..6)) {
            match write(&command) {
                Ok(text) => prop_assert_eq!(read(&text), Some(command)),
                Err(why) => prop_assert_eq!((why, command[0].as_str()), (InvalidCommand::Empty, "")),
            }
        }
    }
}
