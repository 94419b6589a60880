//! The table of rules in documents.

use crate::rule::On;
use crate::rules;

/// The rules as a table in Markdown, one row each.
#[must_use]
pub fn markdown() -> String {
    let mut text =
        String::from("| rule | concerns | does | on | what AWS does |\n|---|---|---|---|---|\n");
    for rule in rules::all() {
        let concerns: Vec<String> = rule
            .concerns
            .iter()
            .map(|(service, operations)| match *operations {
                [] => (*service).to_owned(),
                [one] => format!("{service} {one}"),
                [one, rest @ ..] => format!("{service} {one} and {} more", rest.len()),
            })
            .collect();
        let on = match rule.on {
            On::Default => "always".to_owned(),
            On::Scenario(name) => format!("scenario `{name}`"),
        };
        let source = if rule.source.starts_with("https://") {
            format!("[source]({})", rule.source)
        } else {
            rule.source.to_owned()
        };
        text.push_str(&format!(
            "| `{}` | {} | {} | {on} | {} ({source}) |\n",
            rule.id,
            concerns.join(", ").replace('*', "all"),
            rule.kind.name(),
            rule.summary,
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_row() {
        let text = markdown();
        assert_eq!(text.lines().count(), rules::all().count() + 2);
        assert!(text.contains("| `s3-bucket-just-deleted` | s3 CreateBucket | refuse | always |"));
        assert!(
            text.lines()
                .all(|line| line.matches(" | ").count() == 4 || line.starts_with("|---"))
        );
    }
}
