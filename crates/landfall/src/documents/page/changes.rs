//! What each root changes, and what is lost with it.

use super::{list, words};
use crate::documents::markup::escape;
use rules::shape::data_loss::{Loss, Verdict};
use rules::shape::plan::{Action, Change, Plan};
use rules::shape::plan_decision::PlanDecision;
use std::fmt::Write as _;

pub(super) fn section(proposal: &PlanDecision) -> String {
    let mut out = "<h2>What changes</h2>\n".to_owned();
    out.push_str(&lost(&proposal.loss));
    for (root, plan) in &proposal.roots {
        let _ = write!(
            out,
            "<h3>{root}: {}</h3>\n{}",
            escape(&plan.describe()),
            table(plan)
        );
    }
    out
}

fn lost(loss: &Verdict) -> String {
    let (class, title, losses): (_, _, &[Loss]) = match loss {
        Verdict::Allowed => return String::new(),
        Verdict::NeedsYes(losses) => ("warn", "It would lose what requires confirmation", losses),
        Verdict::Refused(losses) => ("bad", "It would cut off users", losses),
    };
    let explained: Vec<String> = losses.iter().map(Loss::explain).collect();
    format!(
        "<div class=\"verdict {class}\">\n<p>{title}</p>\n{}</div>\n",
        list(&explained)
    )
}

fn table(plan: &Plan) -> String {
    if plan.changes.is_empty() {
        return String::new();
    }
    let mut changes: Vec<&Change> = plan.changes.iter().collect();
    // Deletions and replacements come first, so that a long list of creations does not hide them.
    changes.sort_by_key(|change| std::cmp::Reverse(gravity(change.action)));
    let reasons = |change: &Change| -> String {
        let because: Vec<String> = match change.forced_by.as_slice() {
            [] => change.reason.iter().cloned().collect(),
            paths => paths.iter().map(|path| format!("`{path}`")).collect(),
        };
        because.join(", ")
    };
    let has_reasons = changes.iter().any(|change| !reasons(change).is_empty());
    let mut out =
        "<div class=\"sheet\"><table>\n<tr><th class=\"action\">action</th><th>resource</th>"
            .to_owned();
    out.push_str(match has_reasons {
        true => "<th>forced by</th></tr>\n",
        false => "</tr>\n",
    });
    for change in changes {
        let word = word(change.action);
        let _ = write!(
            out,
            "<tr><td><span class=\"tag {word}\">{word}</span></td><td><code>{}</code></td>",
            escape(&change.address)
        );
        if has_reasons {
            let _ = write!(out, "<td class=\"soft\">{}</td>", words(&reasons(change)));
        }
        out.push_str("</tr>\n");
    }
    out + "</table></div>\n"
}

fn gravity(action: Action) -> u8 {
    match action {
        Action::Delete => 4,
        Action::Replace => 3,
        Action::Forget => 2,
        Action::Update => 1,
        Action::Create => 0,
    }
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Forget => "forget",
    }
}
