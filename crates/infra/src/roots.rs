//! The HCL in `roots/`, embedded in the binary.

use include_dir::{Dir, include_dir};
use rules::shape::contract::Root;
use std::path::Path;

static ROOTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/roots");

/// Names and texts of a root's files.
pub fn files(root: Root) -> impl Iterator<Item = (&'static str, &'static str)> {
    ROOTS
        .get_dir(root.as_str())
        .into_iter()
        .flat_map(|dir| dir.files())
        .filter_map(|file| Some((file.path().file_name()?.to_str()?, file.contents_utf8()?)))
}

/// Ends the lines that a rehearsal leaves out, because the oldest provider that rehearsals use does not know them.
const NOT_REHEARSED: &str = "# not in rehearsals";

/// The text of a file, in a rehearsal without what only newer providers know.
pub(crate) fn text_for(text: &str, is_rehearsal: bool) -> String {
    let lines = text.split_inclusive('\n');
    let stays = |line: &&str| !is_rehearsal || !line.trim_end().ends_with(NOT_REHEARSED);
    lines.filter(stays).collect()
}

/// Writes a root's files into `dir` and deletes `.tf` files of older versions that the root no
/// longer has. Files that landfall writes itself end in `.tf.json` or `_override.tf` and are kept.
pub(crate) fn unpack(root: Root, dir: &Path, is_rehearsal: bool) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for (name, text) in files(root) {
        let path = dir.join(name);
        let text = text_for(text, is_rehearsal);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&*text) {
            std::fs::write(path, text)?;
        }
    }
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = files(root).any(|(file, _)| file == name);
        if name.ends_with(".tf") && !name.ends_with("_override.tf") && !is_ours {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_leaves_out_what_its_provider_may_not_know() {
        let text = "a {\n  b = 1 # not in rehearsals\n  c = 2 # stays\n}\n";
        assert_eq!(text_for(text, true), "a {\n  c = 2 # stays\n}\n");
        assert_eq!(text_for(text, false), text);
    }

    #[test]
    fn unpacking_deletes_files_of_an_older_version_and_no_others() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in [
            "gone.tf",
            "rehearsal_override.tf",
            "backend.tf.json",
            "terraform.tfstate",
        ] {
            std::fs::write(dir.path().join(name), "old").expect("write");
        }
        unpack(Root::Fargate, dir.path(), false).expect("unpacked");
        let exists = |name: &str| dir.path().join(name).exists();
        assert!(!exists("gone.tf"));
        assert!(exists("rehearsal_override.tf"));
        assert!(exists("backend.tf.json"));
        assert!(exists("terraform.tfstate"));
        assert!(exists("variables.tf"));
    }

    #[test]
    fn every_root_is_embedded() {
        for root in Root::ALL {
            assert!(
                files(root).any(|(name, _)| name == "variables.tf"),
                "{root}"
            );
        }
    }
}
