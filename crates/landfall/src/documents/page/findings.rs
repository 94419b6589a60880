//! What the review found, the most severe first.

use super::{DOCS, words};
use crate::documents::markup::escape;
use rules::shape::review::{Finding, Severity};
use std::fmt::Write as _;

pub(super) fn section(findings: &[Finding]) -> String {
    let mut out = "<h2>What was found</h2>\n".to_owned();
    let (notes, grave): (Vec<&Finding>, Vec<&Finding>) = findings
        .iter()
        .partition(|finding| finding.severity == Severity::Note);
    if grave.is_empty() {
        out.push_str("<p>Nothing has to be fixed.</p>\n");
    }
    let (allowed, open): (Vec<&Finding>, Vec<&Finding>) =
        grave.into_iter().partition(|finding| finding.allowed);
    for finding in open.iter().chain(&allowed) {
        out.push_str(&card(finding));
    }
    if !notes.is_empty() {
        out.push_str(
            "<div class=\"sheet\"><table>\n<tr><th>noted</th><th>where</th><th>what</th></tr>\n",
        );
        for note in notes {
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
                id(note),
                escape(&note.address),
                words(&note.evidence)
            );
        }
        out.push_str("</table></div>\n");
    }
    out
}

fn card(finding: &Finding) -> String {
    let (class, word) = match (finding.allowed, finding.severity) {
        (true, _) => ("allowed", "allowed by landfall.toml"),
        (false, Severity::Refuse) => ("refuse", "refused"),
        (false, _) => ("warn", "warning"),
    };
    format!(
        "<div class=\"finding {class}\">\n<p><span class=\"tag {class}\">{word}</span> {} <b>{}</b></p>\n\
         <p><code>{}</code>: {}</p>\n<p class=\"soft\">Why: {}.</p>\n<p>What to do: {}.</p>\n</div>\n",
        id(finding),
        escape(finding.rule.title()),
        escape(&finding.address),
        words(&finding.evidence),
        words(finding.rule.why()),
        words(finding.rule.next())
    )
}

/// The rule, with a link to its documentation.
fn id(finding: &Finding) -> String {
    format!(
        "<a href=\"{DOCS}{}\">{}</a>",
        escape(&finding.rule.anchor()),
        finding.rule
    )
}
