//! A command that runs once in the app's image instead of the app: how the edge is told, and what of.
//!
//! The edge is the image's entry point, and no platform lets a task replace that. So the edge makes way: told
//! of a command, it opens no door and starts no app, but becomes the command, with what it has renounced by
//! then.

/// Variable that tells the edge of a command.
pub const VARIABLE: &str = "LANDFALL_EDGE_EXEC";

/// Longest text of a command that a task takes: its overrides have 8192 characters in all
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>), in which the command is a
/// string once more, with a backslash before each quote.
pub const LONGEST: usize = 4_000;

/// Why a command cannot be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// There is no program in it.
    Empty,
    /// A word holds a zero byte, which no argument of a program can.
    ZeroByte,
    /// It is longer than [`LONGEST`].
    TooLong,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unfit::Empty => f.write_str("it names no program"),
            Unfit::ZeroByte => f.write_str("it holds a zero byte"),
            Unfit::TooLong => write!(f, "it has more than {LONGEST} characters"),
        }
    }
}

impl std::error::Error for Unfit {}

/// Writes a command as the edge reads it.
///
/// # Errors
/// It cannot be handed over.
pub fn write(command: &[String]) -> Result<String, Unfit> {
    check(command)?;
    let text = serde_json::Value::from(command.to_vec()).to_string();
    match text.chars().count() {
        0..=LONGEST => Ok(text),
        _ => Err(Unfit::TooLong),
    }
}

/// Reads it: a JSON list of words.
pub fn read(text: &str) -> Option<Vec<String>> {
    let command: Vec<String> = serde_json::from_str(text).ok()?;
    check(&command).ok()?;
    Some(command)
}

fn check(command: &[String]) -> Result<(), Unfit> {
    if command.first().is_none_or(String::is_empty) {
        return Err(Unfit::Empty);
    }
    if command.iter().any(|word| word.contains('\0')) {
        return Err(Unfit::ZeroByte);
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
    fn only_what_a_program_can_be_given_is_handed_over() {
        assert_eq!(write(&[]), Err(Unfit::Empty));
        assert_eq!(write(&words(&["", "x"])), Err(Unfit::Empty));
        assert_eq!(write(&words(&["sh", "a\0b"])), Err(Unfit::ZeroByte));
        let long = "x".repeat(LONGEST);
        assert_eq!(write(&words(&["echo", &long])), Err(Unfit::TooLong));
        for bad in ["", "sh", "[]", "[\"\"]", "[1]", "{}", "[\"a\\u0000\"]"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_edge_reads_what_was_typed(command in proptest::collection::vec("[^\0]{0,20}", 1..6)) {
            match write(&command) {
                Ok(text) => prop_assert_eq!(read(&text), Some(command)),
                Err(why) => prop_assert_eq!((why, command[0].as_str()), (Unfit::Empty, "")),
            }
        }
    }
}
