//! The HCL, embedded in the binary as it stands in `roots/`.

use include_dir::{Dir, include_dir};
use rules::shape::contract::Root;
use std::path::Path;

static ROOTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/roots");

/// The files of a root: name and text.
pub fn files(root: Root) -> impl Iterator<Item = (&'static str, &'static str)> {
    ROOTS
        .get_dir(root.as_str())
        .into_iter()
        .flat_map(|dir| dir.files())
        .filter_map(|file| Some((file.path().file_name()?.to_str()?, file.contents_utf8()?)))
}

/// Writes a root's files into `dir` and removes `.tf` files of an older landfall that it no longer has.
/// Files that landfall writes itself end in `.tf.json` or `_override.tf` and stay.
pub(crate) fn unpack(root: Root, dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for (name, text) in files(root) {
        let path = dir.join(name);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
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
    fn unpacking_removes_what_an_older_landfall_left_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in [
            "gone.tf",
            "rehearsal_override.tf",
            "backend.tf.json",
            "terraform.tfstate",
        ] {
            std::fs::write(dir.path().join(name), "old").expect("write");
        }
        unpack(Root::Fargate, dir.path()).expect("unpacked");
        let is_there = |name: &str| dir.path().join(name).exists();
        assert!(!is_there("gone.tf"));
        assert!(is_there("rehearsal_override.tf"));
        assert!(is_there("backend.tf.json"));
        assert!(is_there("terraform.tfstate"));
        assert!(is_there("variables.tf"));
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
