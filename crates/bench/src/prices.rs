//! `./dev bench prices`: compares AWS's public price list with the table that comes with landfall, and
//! writes a new table. The list needs no credentials.

mod list;
mod renewal;

use list::{Offer, Service};
use renewal::{Read, Renewal, renew, services, wanted};
use rules::shape::cost::prices::{TEXT, Table};
use rules::time::Timestamp;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const USAGE: &str = "\
Usage: bench prices [--from URL] [--write FILE]

  --from URL     where the price list is (https://pricing.us-east-1.amazonaws.com)
  --write FILE   write a new table to this file";

const AWS: &str = "https://pricing.us-east-1.amazonaws.com";
/// Maximum size of a file: the largest one that is read has about a tenth of it.
const LARGEST: &str = "256M";
/// Seconds that AWS may take to accept a connection, and to send the next part of a file.
const CONNECT_SECONDS: &str = "10";
const STALLED_SECONDS: &str = "60";

pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let (mut from, mut file) = (AWS, None);
    let mut words = words.iter();
    while let Some(name) = words.next() {
        let mut value = || {
            words
                .next()
                .ok_or_else(|| format!("'{name}' needs a value\n{USAGE}"))
        };
        match *name {
            "--from" => from = value()?,
            "--write" => file = Some(Path::new(value()?)),
            _ => return Err(format!("'{name}' is unknown\n{USAGE}")),
        }
    }
    let table = Table::own();
    let (read, mut unread) = read_all(table, from);
    unread.push("AmazonEC2, with the NAT gateway: its files have hundreds of MB".to_owned());
    let renewal = Renewal::of(table, &read, unread);
    if renewal.read == 0 {
        return Err(format!(
            "no price could be read; check the network and --from, nothing was written\n{}",
            renewal.unread.join("\n")
        ));
    }
    print!("{renewal}");
    let Some(file) = file else {
        return Ok(());
    };
    let text = renew(TEXT, &read, &today()).map_err(|error| error.to_string())?;
    std::fs::write(file, text).map_err(|error| {
        format!(
            "{} cannot be written, name another --write: {error}",
            file.display()
        )
    })?;
    println!("the new table is in {}", file.display());
    Ok(())
}

/// Everything that can be read, and what can't, with the reasons.
fn read_all(table: &Table, from: &str) -> (Read, Vec<String>) {
    let (mut read, mut unread) = (Read::new(), Vec::new());
    for (service, region) in wanted(table, &services()) {
        let path = service.path(region);
        let text = match fetch(from, &path) {
            Ok(text) => text,
            Err(why) => {
                unread.push(format!("{path}: {why}"));
                continue;
            }
        };
        eprintln!("{path}: {} KB", text.len() / 1024);
        let regions: Vec<&str> = match region {
            Some(region) => vec![region],
            None => table.regions().collect(),
        };
        for region in regions {
            match entries(&text, service, region) {
                Ok(offer) => read
                    .entry(region.to_owned())
                    .or_default()
                    .extend(offer.entries),
                Err(why) => unread.push(format!("{path}: {why}")),
            }
        }
    }
    (read, unread)
}

fn entries(text: &str, service: Service, region: &str) -> Result<Offer, String> {
    let offer = list::read(text, region).map_err(|error| error.to_string())?;
    match offer.service == service.code {
        true => Ok(offer),
        false => Err(format!("it is the list of {}", offer.service)),
    }
}

fn fetch(base: &str, path: &str) -> Result<String, String> {
    let url = format!("{}/{path}", base.trim_end_matches('/'));
    let output = Command::new("curl")
        .args(["--fail", "--silent", "--show-error", "--location"])
        .args(["--connect-timeout", CONNECT_SECONDS])
        .args(["--speed-limit", "1", "--speed-time", STALLED_SECONDS])
        .args(["--max-filesize", LARGEST, &url])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("curl: {error}"))?;
    match output.status.success() {
        true => String::from_utf8(output.stdout).map_err(|error| error.to_string()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// `2026-11-23`
fn today() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    now.rfc3339().chars().take("2026-11-23".len()).collect()
}
