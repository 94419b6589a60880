//! `COMMAND [DIRECTORY] [SUBJECT]`: which positional argument is which.

use crate::failure::Failure;
use rules::app::manifest::FILE;
use rules::exit::Exit;
use std::path::{Path, PathBuf};

/// The app directory, and the text of the subject if there is one.
pub(super) type Sorted = (PathBuf, Option<String>);

/// Sorts one or two arguments. Alone, an argument that has the form of a subject is the subject:
/// write `./7` for a directory named like one.
///
/// Two arguments in the other order, as landfall took them before, are accepted where only that
/// order makes sense. `is_app` looks whether a directory holds an app.
pub(super) fn sort(
    first: Option<&Path>,
    second: Option<&str>,
    is_subject: impl Fn(&str) -> bool,
    is_app: impl Fn(&Path) -> bool,
) -> Option<Sorted> {
    let here = || PathBuf::from(".");
    let subject_of = |path: &Path| {
        path.to_str()
            .filter(|text| is_subject(text))
            .map(str::to_owned)
    };
    match (first, second) {
        (None, second) => Some((here(), second.map(str::to_owned))),
        (Some(first), None) => Some(match subject_of(first) {
            Some(subject) => (here(), Some(subject)),
            None => (first.to_owned(), None),
        }),
        (Some(first), Some(second)) => {
            let swapped = subject_of(first).map(|subject| (PathBuf::from(second), Some(subject)));
            match swapped {
                Some(swapped) if !is_subject(second) => Some(swapped),
                Some(swapped) if is_app(Path::new(second)) && !is_app(first) => Some(swapped),
                _ if is_subject(second) => Some((first.to_owned(), Some(second.to_owned()))),
                _ => None,
            }
        }
    }
}

/// Whether a directory holds an app.
pub(super) fn is_app(directory: &Path) -> bool {
    [FILE, "Dockerfile"]
        .iter()
        .any(|name| directory.join(name).is_file())
}

/// The second argument is not a subject. `expected` and `usage` describe a valid one.
pub(super) fn unfit(subject: Option<&str>, expected: &str, usage: &str) -> Failure {
    let subject = subject.unwrap_or_default();
    Failure::new(Exit::BadInput, format!("{subject:?} is not {expected}"))
        .next(format!("the directory comes first: `{usage}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_number(text: &str) -> bool {
        text.parse::<u64>().is_ok()
    }

    fn numbers(first: Option<&str>, second: Option<&str>) -> Option<(String, Option<String>)> {
        sorted(first, second, is_number)
    }

    fn sorted(
        first: Option<&str>,
        second: Option<&str>,
        is_subject: fn(&str) -> bool,
    ) -> Option<(String, Option<String>)> {
        let is_app = |path: &Path| path == Path::new("app");
        let sorted = sort(first.map(Path::new), second, is_subject, is_app);
        sorted.map(|(directory, subject)| (directory.display().to_string(), subject))
    }

    fn of(directory: &str, subject: Option<&str>) -> Option<(String, Option<String>)> {
        Some((directory.to_owned(), subject.map(str::to_owned)))
    }

    #[test]
    fn the_directory_comes_first_and_may_be_left_out() {
        assert_eq!(numbers(None, None), of(".", None));
        assert_eq!(numbers(Some("app"), None), of("app", None));
        assert_eq!(numbers(Some("7"), None), of(".", Some("7")));
        assert_eq!(numbers(Some("./7"), None), of("./7", None));
        assert_eq!(numbers(Some("app"), Some("7")), of("app", Some("7")));
        assert_eq!(numbers(Some("3"), Some("7")), of("3", Some("7")));
        assert_eq!(numbers(Some("app"), Some("seven")), None);
    }

    #[test]
    fn the_order_of_before_works_where_only_it_makes_sense() {
        assert_eq!(numbers(Some("7"), Some("app")), of("app", Some("7")));
        let any = |_: &str| true;
        assert_eq!(
            sorted(Some("plain"), Some("app"), any),
            of("app", Some("plain"))
        );
        assert_eq!(
            sorted(Some("app"), Some("plain"), any),
            of("app", Some("plain"))
        );
        // Neither holds an app: the order of today.
        assert_eq!(sorted(Some("a"), Some("b"), any), of("a", Some("b")));
    }
}
