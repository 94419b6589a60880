//! Costs: fixed, by use, and what would cost less.

use super::{list, words};
use crate::documents::markup::escape;
use rules::shape::cost::Bill;
use rules::shape::cost::bill::{BillLine, Charge};
use rules::shape::cost::money::{cents, unit_price};
use rules::shape::cost::prices::Confidence;
use std::fmt::Write as _;

/// Number of colours that distinguish charges; further charges start again with the first.
const COLOURS: usize = 6;

/// Requests a month for which a whole bill is shown.
const EXAMPLES: [(&str, f64); 4] = [
    ("none", 0.0),
    ("100,000", 0.1),
    ("1\u{a0}million", 1.0),
    ("10\u{a0}million", 10.0),
];

pub(super) fn section(bill: &Bill, budget: f64) -> String {
    let mut out = "<h2>What it costs</h2>\n".to_owned();
    out.push_str(&fixed(bill, budget));
    out.push_str(&examples(bill));
    out.push_str(&usage(bill));
    let account = bill.account.words(bill.monthly_usd, bill.at);
    let _ = writeln!(out, "<h3>Account</h3>\n<p>{}.</p>", words(&begun(&account)));
    if !bill.alternatives.is_empty() {
        out.push_str("<h3>What would cost less</h3>\n");
        out.push_str(&list(bill.alternatives.iter().map(|other| &other.text)));
    }
    let free: Vec<String> = bill
        .free()
        .iter()
        .map(|(why, addresses)| format!("{why}: {}", addresses.join(", ")))
        .collect();
    for (title, items) in [
        ("What costs nothing", &free),
        ("Assumptions", &bill.assumptions),
    ] {
        if !items.is_empty() {
            let _ = write!(
                out,
                "<details><summary>{title}</summary>\n{}</details>\n",
                list(items)
            );
        }
    }
    out
}

/// The most expensive first, each with its share of the sum.
fn fixed(bill: &Bill, budget: f64) -> String {
    let mut lines: Vec<&BillLine> = bill
        .lines
        .iter()
        .filter(|line| matches!(line.charge, Charge::Fixed { .. } | Charge::Unknown { .. }))
        .collect();
    if lines.is_empty() {
        return "<p>Nothing here costs money without traffic.</p>\n".to_owned();
    }
    lines.sort_by(|a, b| b.monthly_usd().total_cmp(&a.monthly_usd()));
    let share = |line: &BillLine| match bill.monthly_usd > 0.0 {
        true => line.monthly_usd() / bill.monthly_usd * 100.0,
        false => 0.0,
    };
    let mut out = "<div class=\"stack\" role=\"img\" aria-label=\"Shares of the sum\">".to_owned();
    for (place, line) in lines.iter().enumerate() {
        if line.monthly_usd() > 0.0 {
            let _ = write!(
                out,
                "<i class=\"k{}\" style=\"width:{:.1}%\" title=\"{}\"></i>",
                place % COLOURS,
                share(line),
                escape(&format!("{} {}", line.what, cents(line.monthly_usd())))
            );
        }
    }
    out.push_str(
        "</div>\n<div class=\"sheet\"><table>\n<tr><th>fixed cost</th><th class=\"wide\">how</th>\
         <th class=\"share\">share</th><th class=\"n\">USD a month</th></tr>\n",
    );
    for (place, line) in lines.iter().enumerate() {
        out.push_str(&fixed_row(line, place % COLOURS, share(line)));
    }
    let least = if bill.incomplete { ", at least" } else { "" };
    let _ = write!(
        out,
        "<tr class=\"sum\"><td>without traffic{least}</td><td class=\"wide\"></td><td class=\"soft\">the budget is {}</td>\
         <td class=\"n\">{}</td></tr>\n</table></div>\n",
        cents(budget),
        cents(bill.monthly_usd)
    );
    out
}

fn fixed_row(line: &BillLine, colour: usize, share: f64) -> String {
    let (how, bar, sum) = match &line.charge {
        Charge::Fixed {
            unit_usd,
            unit,
            quantity,
            confidence,
            monthly_usd,
        } => (
            format!("{quantity} {unit} at {}", unit_price(*unit_usd)),
            format!(
                "<span class=\"bar\"><i class=\"k{colour}\" style=\"width:{share:.1}%\"></i></span>"
            ),
            format!("{}{}", mark(*confidence), cents(*monthly_usd)),
        ),
        Charge::Unknown { why } => (why.clone(), String::new(), "?".to_owned()),
        _ => return String::new(),
    };
    format!(
        "<tr><td><span class=\"dot k{colour}\"></span>{}<br/><code class=\"soft\">{}</code></td>\
         <td class=\"wide soft\">{}</td><td class=\"share\">{bar}</td><td class=\"n\">{sum}</td></tr>\n",
        escape(&line.what),
        escape(&line.address),
        escape(&how)
    )
}

/// What whole months cost at most: free amounts are not deducted.
fn examples(bill: &Bill) -> String {
    let cost = |millions: f64| bill.monthly_usd + millions * bill.per_million_requests_usd;
    let most = cost(EXAMPLES[EXAMPLES.len() - 1].1);
    if most <= 0.0 {
        return String::new();
    }
    let mut out = "<h3>A month by number of requests</h3>\n<div class=\"sheet\"><table>\n\
         <tr><th>requests</th><th class=\"share long\"></th><th class=\"n\">USD, at most</th></tr>\n"
        .to_owned();
    for (words, millions) in EXAMPLES {
        let _ = writeln!(
            out,
            "<tr><td>{words}</td><td><span class=\"bar\"><i style=\"width:{:.1}%\"></i></span></td>\
             <td class=\"n\">{}</td></tr>",
            cost(millions) / most * 100.0,
            cents(cost(millions))
        );
    }
    out + "</table></div>\n<p class=\"key\">Requests alone: data out, log lines and images are below, and free \
           amounts are not deducted.</p>\n"
}

fn usage(bill: &Bill) -> String {
    let mut rows = String::new();
    for line in &bill.lines {
        let Charge::Usage {
            usd,
            per,
            always_free,
            confidence,
        } = &line.charge
        else {
            continue;
        };
        let _ = writeln!(
            rows,
            "<tr><td>{}<br/><code class=\"soft\">{}</code></td><td class=\"n\">{}{}</td><td>per {}</td>\
             <td class=\"wide soft\">{}</td></tr>",
            escape(&line.what),
            escape(&line.address),
            mark(*confidence),
            unit_price(*usd),
            per.words(),
            escape(always_free.as_deref().unwrap_or(""))
        );
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<h3>By use</h3>\n<div class=\"sheet\"><table>\n<tr><th>what</th><th class=\"n\">USD</th><th></th>\
         <th class=\"wide\">always free</th></tr>\n{rows}</table></div>\n\
         <p class=\"key\">~ as known, not read again from AWS's price list.</p>\n"
    )
}

/// A sentence that begins with a capital.
fn begun(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

fn mark(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Measured => "",
        Confidence::List => "~",
    }
}
