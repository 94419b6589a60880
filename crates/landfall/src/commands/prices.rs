//! `landfall prices refresh`: AWS's public price list, held against the table that comes with landfall.

use crate::cli::Refresh;
use crate::failure::Failure;
use crate::report::{Report, now};
use rules::event::Event;
use rules::exit::Exit;
use rules::shape::cost::list::{self, Service};
use rules::shape::cost::prices::{TEXT, Table};
use rules::shape::cost::renewal::{Read, Renewal, renew, services, wanted};
use std::time::Duration;

/// Bytes of a file of the list that are read: the largest that is asked for has about a tenth of it.
const LARGEST: usize = 256 * 1024 * 1024;
/// How long AWS may take to send the next part of a file.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn refresh(arguments: &Refresh, report: &Report) -> Result<(), Failure> {
    let table = Table::own();
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(PATIENCE)
        .build()
        .map_err(|error| Failure::new(Exit::Bug, "no HTTP client").why(error.to_string()))?;
    let mut read = Read::new();
    let mut unread = Vec::new();
    for (service, region) in wanted(table, &services()) {
        let path = service.path(region);
        let text = match fetch(&client, &arguments.from, &path).await {
            Ok(text) => text,
            Err(why) => {
                unread.push(format!("{path}: {why}"));
                continue;
            }
        };
        report.note(format!("{path}: {} KB", text.len() / 1024));
        let regions: Vec<&str> = match region {
            Some(region) => vec![region],
            None => table.regions().collect(),
        };
        for region in regions {
            match take(&text, service, region) {
                Ok(offer) => read
                    .entry(region.to_owned())
                    .or_default()
                    .extend(offer.entries),
                Err(why) => unread.push(format!("{path}: {why}")),
            }
        }
    }
    unread.push("AmazonEC2, with the NAT gateway: its files have hundreds of MB".to_owned());
    let renewal = Renewal::of(table, &read, unread);
    if renewal.read == 0 {
        let mut failure = Failure::new(Exit::Infrastructure, "no price could be read");
        failure.why = renewal.unread;
        return Err(failure.next("check the network and --from; nothing was written"));
    }
    report.emit(Event::Renewed(renewal));
    let Some(file) = &arguments.write else {
        return Ok(());
    };
    let date: String = now().rfc3339().chars().take("2026-11-23".len()).collect();
    let text =
        renew(TEXT, &read, &date).map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    std::fs::write(file, text).map_err(|error| {
        Failure::new(
            Exit::BadInput,
            format!("{} cannot be written", file.display()),
        )
        .why(error.to_string())
        .next("name another file with --write")
    })?;
    report.note(format!("the new table is in {}", file.display()));
    Ok(())
}

fn take(text: &str, service: Service, region: &str) -> Result<list::Offer, String> {
    let offer = list::read(text, region).map_err(|error| error.to_string())?;
    match offer.service == service.code {
        true => Ok(offer),
        false => Err(format!("it is the list of {}", offer.service)),
    }
}

async fn fetch(client: &reqwest::Client, base: &str, path: &str) -> Result<String, String> {
    let said = |error: reqwest::Error| error.without_url().to_string();
    let url = format!("{}/{path}", base.trim_end_matches('/'));
    let answer = client.get(url).send().await.map_err(said)?;
    let mut answer = answer.error_for_status().map_err(said)?;
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(said)? {
        if bytes.len() + part.len() > LARGEST {
            return Err(format!("it has more than {} MB", LARGEST / 1024 / 1024));
        }
        bytes.extend_from_slice(&part);
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
