//! What an environment costs: one line as progress of another command, the bill as a result.

use super::Details;
use super::style::{Style, Text};
use crate::documents::bill;
use rules::event::Event;
use rules::shape::cost::money::cents;

pub(super) fn text(event: &Event, style: &Style) -> Text {
    match event {
        Event::Priced { bill } => match style.details {
            Details::Summary => Text::Progress(format!(
                "  price: {}; ${} per million requests",
                bill.summary(),
                cents(bill.per_million_requests_usd)
            )),
            Details::Result => Text::Result(bill::table(bill, false)),
            Details::All => Text::Result(bill::table(bill, true)),
        },
        Event::Spent(spent) => Text::Result(spent.words()),
        _ => Text::Nothing,
    }
}
