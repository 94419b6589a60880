//! Files that landfall writes into a repository. It overwrites them only if they were not edited.

use sha2::{Digest as _, Sha256};
use similar::TextDiff;

/// The first line names the writer and contains the checksum of the rest. If the rest is edited, the
/// checksum differs and landfall no longer overwrites the file. Do not reword this: it identifies files
/// that earlier versions wrote.
const STAMP: &str =
    "# Written by `landfall ci`, which writes it again as long as nobody changes it. sha256:";

/// What writing a file would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Overwrite {
    /// There is none.
    New,
    /// It exists with exactly this text.
    Same,
    /// There is one that landfall wrote, and this is how it would change.
    Changed {
        /// Unified diff.
        diff: String,
    },
    /// There is one that a person wrote or edited, and this is how it would change.
    Theirs {
        /// Unified diff.
        diff: String,
    },
}

/// A text with its stamp.
pub(crate) fn stamp(body: &str) -> String {
    format!("{STAMP}{}\n{body}", sum(body))
}

/// What writing `wanted` over the existing text would do.
pub(crate) fn decide(there: Option<&str>, wanted: &str) -> Overwrite {
    let Some(there) = there else {
        return Overwrite::New;
    };
    if there == wanted {
        return Overwrite::Same;
    }
    let diff = TextDiff::from_lines(there, wanted)
        .unified_diff()
        .context_radius(2)
        .header("there", "landfall")
        .to_string();
    match is_ours(there) {
        true => Overwrite::Changed { diff },
        false => Overwrite::Theirs { diff },
    }
}

/// Whether a text is as landfall wrote it.
pub(crate) fn is_ours(text: &str) -> bool {
    // Git may have changed the line endings: that is not an edit.
    let text = text.replace("\r\n", "\n");
    let Some((first, body)) = text.split_once('\n') else {
        return false;
    };
    first
        .strip_prefix(STAMP)
        .is_some_and(|stamped| stamped == sum(body))
}

fn sum(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unedited_file_is_written_again_and_an_edited_one_is_kept() {
        let old = stamp("name: a\non: push\n");
        let new = stamp("name: b\non: push\n");
        assert_eq!(decide(None, &new), Overwrite::New);
        assert_eq!(decide(Some(&new), &new), Overwrite::Same);
        let Overwrite::Changed { diff } = decide(Some(&old), &new) else {
            panic!("landfall's own file");
        };
        assert!(
            diff.contains("-name: a\n") && diff.contains("+name: b\n"),
            "{diff}"
        );
        for theirs in [
            old.replace("push", "pull_request"),
            "name: a\n".to_owned(),
            String::new(),
            old.replace("sha256:", "sha256:0"),
        ] {
            assert!(
                matches!(decide(Some(&theirs), &new), Overwrite::Theirs { .. }),
                "{theirs}"
            );
        }
        assert!(is_ours(&old.replace('\n', "\r\n")));
    }
}
