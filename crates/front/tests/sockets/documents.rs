//! docs/rehearsal.md lists the rules as the code has them, and the README the arguments.

use front::{options, table};
use std::path::Path;

/// The text after a line, up to the next section.
fn after<'a>(text: &'a str, start: &str) -> &'a str {
    let (_, rest) = text.split_once(start).expect(start);
    rest.split_once("\n## ")
        .map_or(rest, |(section, _)| section)
}

fn document(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&file).expect("a document")
}

#[test]
fn the_documents_are_up_to_date() {
    let rehearsal = document("../../docs/rehearsal.md");
    assert!(
        after(&rehearsal, "### Rules\n")
            .trim()
            .ends_with(table::markdown().trim()),
        "replace the table in docs/rehearsal.md by what `landfall-front rules --markdown` prints"
    );
    let readme = document("README.md");
    assert!(
        readme.contains(options::USAGE.trim()),
        "replace the usage:\n{}",
        options::USAGE
    );
}
