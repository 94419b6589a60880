//! A [`PlanDecision`] as one page for a browser: no scripts, nothing from elsewhere, light or dark as the reader
//! has it. It is well-formed XML as well, which a test reads.

mod changes;
mod findings;
mod money;

use crate::documents::drawing;
use crate::documents::markup::escape;
use rules::shape::cost::account::AccountPlan;
use rules::shape::cost::bill::Charge;
use rules::shape::cost::money::{cents, unit_price};
use rules::shape::data_loss::Verdict;
use rules::shape::plan::Resource;
use rules::shape::plan_decision::PlanDecision;
use rules::shape::review::Severity;
use std::fmt::Write as _;

const STYLE: &str = include_str!("page/style.css");

/// Address of the documentation that the page links to.
const DOCS: &str = "https://github.com/landfall-deploy/landfall/blob/main/";

/// The page. `version` is landfall's own.
pub(crate) fn render(proposal: &PlanDecision, version: &str) -> String {
    let title = format!("{} ({})", proposal.name, proposal.environment);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>Plan of {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(&title)
    );
    for part in [
        head(proposal),
        tiles(proposal),
        drawn(proposal),
        money::section(&proposal.bill, proposal.budget),
        findings::section(&proposal.findings),
        changes::section(proposal),
        unknowns(proposal),
        foot(proposal, version),
    ] {
        page.push_str(&part);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn head(proposal: &PlanDecision) -> String {
    let mut out = format!(
        "<header>\n<div class=\"over\">landfall plan</div>\n<h1>{} <small>{}</small></h1>\n<ul class=\"where\">\n",
        escape(&proposal.name),
        escape(&proposal.environment)
    );
    let place = match proposal.rehearsal {
        true => "a rehearsal on this machine",
        false => "AWS",
    };
    for (word, value) in [
        ("target", proposal.target.as_str()),
        ("region", &proposal.region),
        ("account", &proposal.account),
        ("on", place),
    ] {
        let _ = writeln!(out, "<li>{word} <b>{}</b></li>", escape(value));
    }
    out.push_str("</ul>\n");
    let refusal = proposal.refusal();
    let warns = proposal.refusal_on_aws().is_some()
        || matches!(proposal.loss, Verdict::NeedsYes(_))
        || proposal
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Warn && !finding.allowed);
    let class = match (&refusal, warns) {
        (Some(_), _) => "bad",
        (None, true) => "warn",
        (None, false) => "good",
    };
    let _ = write!(
        out,
        "<div class=\"verdict {class}\">\n<p>{}</p>\n",
        words(&proposal.conclusion())
    );
    if let Some(refusal) = refusal {
        out.push_str(&list(refusal.why.iter().chain(&refusal.next)));
    }
    let _ = write!(
        out,
        "</div>\n<p class=\"soft\">Target {}: {}.</p>\n</header>\n",
        proposal.target.as_str(),
        words(&proposal.because)
    );
    out
}

fn tiles(proposal: &PlanDecision) -> String {
    let bill = &proposal.bill;
    let least = if bill.incomplete { "at least " } else { "" };
    let summaries: Vec<String> = proposal
        .roots
        .iter()
        .map(|(root, plan)| format!("{root}: {}", plan.describe()))
        .collect();
    let touched: usize = proposal.roots.iter().map(|(_, p)| p.changes.len()).sum();
    let grave = |severity| {
        let all = proposal.findings.iter();
        all.filter(|f| f.severity == severity && !f.allowed).count()
    };
    let review = match (grave(Severity::Refuse), grave(Severity::Warn)) {
        (0, 0) => "nothing".to_owned(),
        (0, warnings) => format!("{warnings} to fix"),
        (refused, _) => format!("{refused} refused"),
    };
    let all = [
        (
            format!("{least}${}", cents(bill.monthly_usd)),
            "a month without traffic".to_owned(),
        ),
        (
            format!("${}", cents(bill.per_million_requests_usd)),
            format!(
                "per million requests, ${} per GB out, beyond what is free",
                unit_price(bill.per_gb_out_usd)
            ),
        ),
        (
            format!(
                "{touched} {}",
                if touched == 1 { "change" } else { "changes" }
            ),
            summaries.join("; "),
        ),
        (
            review,
            format!("found unsafe, {} noted", grave(Severity::Note)),
        ),
    ];
    let mut out = "<div class=\"tiles\">\n".to_owned();
    for (figure, what) in all {
        let _ = writeln!(
            out,
            "<div class=\"tile\"><b>{}</b><span>{}</span></div>",
            escape(&figure),
            escape(&what)
        );
    }
    out + "</div>\n"
}

fn drawn(proposal: &PlanDecision) -> String {
    let resources: Vec<Resource> = proposal
        .roots
        .iter()
        .flat_map(|(_, plan)| plan.resources.iter().cloned())
        .collect();
    format!(
        "<h2>Resources</h2>\n<div class=\"sheet\">\n{}</div>\n\
         <p class=\"key\">Solid lines are in the configuration; dashed ones are what a release does.</p>\n",
        drawing::draw(&resources)
    )
}

/// What is not known, collected from all parts, so that the reader need not search for it.
fn unknowns(proposal: &PlanDecision) -> String {
    let bill = &proposal.bill;
    let mut all: Vec<String> = bill
        .unpriced()
        .map(|line| match &line.charge {
            Charge::Unknown { why } => {
                format!("the price of {} ({}): {why}", line.address, line.kind)
            }
            _ => line.address.clone(),
        })
        .collect();
    if !bill.own_prices {
        all.push(format!(
            "the prices of {}: those of us-east-1 are used instead",
            bill.region
        ));
    }
    if let AccountPlan::Unknown { why } = &bill.account {
        all.push(format!(
            "whether a free plan or credits cover any of it: {why}"
        ));
    }
    let later = proposal.findings.iter().filter(|finding| {
        finding.severity == Severity::Note
            && finding.rule.severity() != Severity::Note
            && finding.evidence.contains("known")
    });
    all.extend(later.map(|finding| finding.line()));
    let mut out = "<h2>Unknown</h2>\n".to_owned();
    match all.is_empty() {
        true => out.push_str("<p>Nothing on this page is unknown.</p>\n"),
        false => out.push_str(&list(&all)),
    }
    out
}

fn foot(proposal: &PlanDecision, version: &str) -> String {
    let bill = &proposal.bill;
    format!(
        "<footer>Made by landfall {} on {}, with prices of {}. Amounts are USD without tax. \
         <a href=\"{DOCS}docs/cost.md\">How it is priced</a>, <a href=\"{DOCS}docs/security.md\">what is reviewed</a>.</footer>\n",
        escape(version),
        escape(&bill.at.rfc3339()),
        escape(&bill.prices_of)
    )
}

fn list<'a>(items: impl IntoIterator<Item = &'a String>) -> String {
    let mut out = "<ul>\n".to_owned();
    for item in items {
        let _ = writeln!(out, "<li>{}</li>", words(item));
    }
    out + "</ul>\n"
}

/// A sentence, with text between backticks as code.
fn words(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // Unpaired backticks are ordinary characters.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let mut out = String::new();
    for (place, part) in parts.iter().enumerate() {
        match place % 2 {
            0 => out.push_str(&escape(part)),
            _ => {
                let _ = write!(out, "<code>{}</code>", escape(part));
            }
        }
    }
    out
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
