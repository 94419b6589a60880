//! Progress of Terraform as events.

use crate::report::Report;

/// Passes on what Terraform says while it works.
pub(crate) fn listener(
    report: &Report,
    root: rules::shape::contract::Root,
) -> impl FnMut(infra::Message) + Send + use<> {
    let report = report.clone();
    move |message| {
        if let infra::Message::Resource {
            address,
            action,
            progress,
            seconds,
        } = message
        {
            report.emit(rules::event::Event::Resource {
                root,
                address,
                action,
                progress,
                seconds,
            });
        }
    }
}
