//! The README lists the rules as the code has them.

use front::{options, table};
use std::path::Path;

/// The text after a line, up to the next section.
fn after<'a>(text: &'a str, start: &str) -> &'a str {
    let (_, rest) = text.split_once(start).expect(start);
    rest.split_once("\n## ")
        .map_or(rest, |(section, _)| section)
}

#[test]
fn the_readme_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&file).expect("a README");
    assert_eq!(
        after(&readme, "## Rules\n").trim(),
        table::markdown().trim(),
        "replace the table by what `landfall-front rules --markdown` prints"
    );
    assert!(
        readme.contains(options::USAGE.trim()),
        "replace the usage:\n{}",
        options::USAGE
    );
}
