//! On which other ports something listens: the best hint for an app that does not answer.

use crate::policy::listening;
use crate::policy::settings::Settings;

/// The end of a message about an app that does not answer, from what `/proc/net` shows.
pub(crate) fn port_hint(settings: &Settings) -> String {
    let mut ports: Vec<u16> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|text| listening::ports(&text))
        .collect();
    let own = [
        Some(settings.listen.port()),
        settings.private_listen.map(|a| a.port()),
    ];
    ports.retain(|port| !own.contains(&Some(*port)));
    ports.sort_unstable();
    ports.dedup();
    match ports.as_slice() {
        [] => "; nothing else listens in this container".to_owned(),
        ports => format!("; there are listeners on {ports:?}"),
    }
}
