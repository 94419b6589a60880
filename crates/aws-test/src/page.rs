//! The report as one HTML page without anything to load.

use crate::observation::Outcome;
use crate::report::{Report, Row, Scenario};
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");

/// The page. Evidence is open, so that it is on paper too.
pub(crate) fn html(report: &Report) -> String {
    let mut out = String::new();
    let place = match report.rehearsal {
        true => "in a rehearsal: emulators stood in for AWS",
        false => "on AWS",
    };
    let [held, did_not, not_tested] = report.counts();
    let is_good = report.exit() == 0;
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>landfall, tested {}</title>\
         <style>{STYLE}</style></head><body><main>\
         <h1>What landfall assumes of AWS</h1>\
         <p class=\"soft\">Tested {}, account {}, {}, environment {}, {} to {}. It could cost ${:.2} at most.</p>\
         <div class=\"verdict {}\">{held} held, {did_not} did not hold, {not_tested} not tested; {}</div>",
        escaped(if report.rehearsal {
            "in a rehearsal"
        } else {
            "on AWS"
        }),
        escaped(place),
        escaped(&report.account),
        escaped(&report.region),
        escaped(&report.environment),
        escaped(&report.began),
        escaped(&report.ended),
        report.at_most_usd,
        if is_good { "good" } else { "bad" },
        escaped(&remains(report)),
    );
    if let Some(broken) = &report.broken {
        let _ = write!(
            out,
            "<p>The front showed the opposite of <code>{}</code>.</p>",
            escaped(broken)
        );
    }
    if !report.scenarios.is_empty() {
        out.push_str("<h2>Scenarios</h2>");
        out.extend(report.scenarios.iter().map(scenario));
    }
    out.push_str("<h2>Assumptions</h2>");
    out.extend(report.assumptions.iter().map(row));
    out.push_str("</main></body></html>\n");
    out
}

fn remains(report: &Report) -> String {
    match report.left.as_slice() {
        [] => "nothing is left in the account".to_owned(),
        left => format!("left in the account: {}", left.join(", ")),
    }
}

fn scenario(one: &Scenario) -> String {
    let (class, word) = match one.ok {
        true => ("good", "ok"),
        false => ("bad", "failed"),
    };
    format!(
        "<div class=\"row {class}\"><p class=\"head\"><span class=\"tag\">{word}</span> <b>{}</b> on {}, {:.0} s</p>\
         <p>{}</p></div>",
        escaped(&one.scenario),
        escaped(&one.target),
        one.seconds,
        escaped(&one.seen)
    )
}

fn row(row: &Row) -> String {
    let class = match row.outcome {
        Outcome::Held(_) => "good",
        Outcome::DidNotHold(_) => "bad",
        Outcome::NotTested(_) => "open",
    };
    let mut out = format!(
        "<div class=\"row {class}\" id=\"{id}\"><p class=\"head\"><span class=\"tag\">{word}</span> \
         <b>{}</b> <code>{id}</code></p><p>{}</p><p class=\"soft\">Asked: {}. Because: {}.</p>",
        escaped(&row.assumes),
        escaped(row.outcome.why()),
        escaped(&row.asked),
        escaped(&row.source),
        id = escaped(&row.id),
        word = row.outcome.word(),
    );
    if !row.evidence.is_empty() {
        let _ = write!(out, "<details open><summary>Evidence</summary><ul>");
        for one in &row.evidence {
            let _ = write!(
                out,
                "<li><span class=\"soft\">{}</span> {}<br><code>{}</code></li>",
                escaped(&one.at),
                escaped(&one.asked),
                escaped(&one.answered)
            );
        }
        out.push_str("</ul></details>");
    }
    out.push_str("</div>");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn the_page_has_every_row_and_loads_nothing() {
        let page = html(&sample());
        for wanted in [
            "did not hold",
            "held",
            "not tested",
            "update a.b &lt;x&gt;",
            "id=\"second-up\"",
            "prefers-color-scheme:dark",
            "@media print",
            "max-width:600px",
            "nothing is left",
            "in a rehearsal",
        ] {
            assert!(page.contains(wanted), "{wanted}");
        }
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("src="));
    }
}
