//! Makes a new table of prices from the old one and AWS's current price list.

use super::list::{Entry, SERVICES, Service, differences};
use rules::shape::cost::prices::{Confidence, Item, RawTable, Table, UnreadableTable};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};

/// A price that changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moved {
    /// Where.
    pub(super) region: String,
    /// What.
    pub(super) item: Item,
    /// USD in the table.
    pub(super) table_usd: f64,
    /// USD in AWS's list.
    pub(super) list_usd: f64,
}

/// What was read of AWS's list, held against the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Renewal {
    /// The day of the table.
    pub(super) table_of: String,
    /// How many prices were read.
    pub(super) read: usize,
    /// Those that differ.
    pub(super) moved: Vec<Moved>,
    /// Items that were not read, with the regions: the list does not contain them, contains them under
    /// another name, or was not read for that region.
    pub(super) missing: BTreeMap<Item, Vec<String>>,
    /// What could not be read, each with its reason.
    pub(super) unread: Vec<String>,
}

/// Everything that was read, by region.
pub(super) type Read = BTreeMap<String, Vec<Entry>>;

impl Renewal {
    /// Holds `read` against `table`.
    pub(super) fn of(table: &Table, read: &Read, unread: Vec<String>) -> Renewal {
        let mut missing: BTreeMap<Item, Vec<String>> = BTreeMap::new();
        let mut moved = Vec::new();
        for region in table.regions() {
            let entries = read.get(region).map_or(&[][..], Vec::as_slice);
            let differing = differences(table, region, entries).unwrap_or_default();
            moved.extend(differing.into_iter().map(|difference| Moved {
                region: region.to_owned(),
                item: difference.item,
                table_usd: difference.table_usd,
                list_usd: difference.list_usd,
            }));
            for item in Item::ALL {
                if !entries.iter().any(|entry| entry.item == item) {
                    missing.entry(item).or_default().push(region.to_owned());
                }
            }
        }
        Renewal {
            table_of: table.date.clone(),
            read: read.values().map(Vec::len).sum(),
            moved,
            missing,
            unread,
        }
    }
}

impl Display for Renewal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} prices read; the table is of {}",
            self.read, self.table_of
        )?;
        if self.moved.is_empty() && self.read > 0 {
            writeln!(f, "none of them differs")?;
        }
        for moved in &self.moved {
            writeln!(
                f,
                "  {} in {}: {} instead of {}",
                moved.item,
                moved.region,
                amount(moved.list_usd),
                amount(moved.table_usd)
            )?;
        }
        for (item, regions) in &self.missing {
            writeln!(f, "  {item} was not read for {}", regions.join(", "))?;
        }
        for why in &self.unread {
            writeln!(f, "  not read: {why}")?;
        }
        Ok(())
    }
}

/// The services whose files hold prices of the table, with the regions to ask each for. `AmazonEC2`
/// is left out: its files have hundreds of MB, for two prices.
pub(super) fn wanted<'a>(
    table: &'a Table,
    services: &[Service],
) -> Vec<(Service, Option<&'a str>)> {
    let mut all = Vec::new();
    for service in services {
        match service.is_global {
            true => all.push((*service, None)),
            false => all.extend(table.regions().map(|region| (*service, Some(region)))),
        }
    }
    all
}

/// All of [`SERVICES`] but the one that is too large.
pub(super) fn services() -> Vec<Service> {
    let small = SERVICES
        .iter()
        .filter(|service| service.code != "AmazonEC2");
    small.copied().collect()
}

/// The text of a table of the day `date`: `text` with what was `read` in it. What was read is
/// `measured`, everything else `list`, regardless of what it was before.
///
/// # Errors
/// `text` is no table.
pub(super) fn renew(text: &str, read: &Read, date: &str) -> Result<String, UnreadableTable> {
    let table = Table::parse(text)?;
    let raw = RawTable::parse(text)?;
    let mut out: String = text
        .lines()
        .take_while(|line| line.starts_with('#') || line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    let regions: Vec<String> = raw.regions.iter().map(|name| format!("{name:?}")).collect();
    let _ = writeln!(
        out,
        "date = {date:?}\nhours = {} # of a month, as AWS's calculator counts them\nregions = [{}]",
        table.hours,
        regions.join(", ")
    );
    for item in Item::ALL {
        let source = raw.source(item);
        let mut prices = [(Confidence::Measured, vec![]), (Confidence::List, vec![])];
        for region in &raw.regions {
            let entries = read.get(region).map_or(&[][..], Vec::as_slice);
            let found = entries.iter().find(|entry| entry.item == item);
            let (place, usd) = match found {
                Some(entry) => (0, entry.usd),
                None => (1, table.rates(region).of(item).usd),
            };
            prices[place].1.push(format!("{region} = {}", amount(usd)));
        }
        let _ = writeln!(out, "\n[{item}]\nsource = {source:?}");
        for (confidence, prices) in &prices {
            let word = match confidence {
                Confidence::Measured => "measured",
                Confidence::List => "list",
            };
            if !prices.is_empty() {
                let _ = writeln!(out, "{word} = {{ {} }}", prices.join(", "));
            }
        }
    }
    Ok(out)
}

/// USD with the digits that it needs, without what multiplying floats adds.
fn amount(usd: f64) -> String {
    let text = format!("{usd:.12}");
    let digits = text.trim_end_matches('0');
    let decimals = digits.split_once('.').map_or(0, |(_, tail)| tail.len());
    format!("{usd:.*}", decimals.max(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::shape::cost::prices::TEXT;

    fn entry(item: Item, usd: f64) -> Entry {
        Entry {
            item,
            usd,
            sku: "A1".into(),
        }
    }

    #[test]
    fn a_table_of_which_nothing_was_read_keeps_its_prices_and_loses_its_certainty() {
        let text = renew(TEXT, &Read::new(), "2027-01-02").expect("a table");
        let (old, new) = (Table::own(), Table::parse(&text).expect("a table"));
        assert_eq!(new.date, "2027-01-02");
        for region in old.regions() {
            for item in Item::ALL {
                let (old, new) = (old.rates(region).of(item), new.rates(region).of(item));
                assert_eq!(new.usd, old.usd, "{item} in {region}");
                assert_eq!(new.confidence, Confidence::List);
            }
        }
        let comment = TEXT.lines().next().expect("a first line");
        assert!(text.starts_with(comment));
    }

    #[test]
    fn what_was_read_is_new_and_certain() {
        // As reading a price for one request gives it.
        let million = 0.000_000_3 * 1_000_000.0;
        let read = Read::from([(
            "eu-west-2".to_owned(),
            vec![
                entry(Item::LambdaMillionRequests, million),
                entry(Item::RegistryGbMonth, 0.10),
            ],
        )]);
        let text = renew(TEXT, &read, "2027-01-02").expect("a table");
        let table = Table::parse(&text).expect("a table");
        let price = table.rates("eu-west-2").of(Item::LambdaMillionRequests);
        assert_eq!((price.usd, price.confidence), (0.3, Confidence::Measured));
        let other = table.rates("us-east-1").of(Item::LambdaMillionRequests);
        assert_eq!((other.usd, other.confidence), (0.2, Confidence::List));

        let renewal = Renewal::of(
            Table::own(),
            &read,
            vec!["AWSELB: it did not answer".into()],
        );
        assert_eq!((renewal.read, renewal.moved.len()), (2, 1));
        let text = renewal.to_string();
        assert!(
            text.contains("  lambda-million-requests in eu-west-2: 0.30 instead of 0.20\n"),
            "{text}"
        );
        assert!(text.contains(
            "registry-gb-month was not read for eu-central-1, eu-west-1, us-east-1, us-west-2\n"
        ));
        assert!(text.contains("not read: AWSELB: it did not answer\n"));
    }

    #[test]
    fn every_item_is_in_the_file_of_a_service_that_is_asked_or_too_large() {
        let asked = services();
        assert!(asked.iter().all(|service| service.code != "AmazonEC2"));
        assert_eq!(asked.len() + 1, SERVICES.len());
        let files = wanted(Table::own(), &asked);
        assert_eq!(
            files.iter().filter(|(_, region)| region.is_none()).count(),
            2
        );
    }

    #[test]
    fn no_table_is_no_base() {
        assert!(renew("", &Read::new(), "2027-01-02").is_err());
    }
}
