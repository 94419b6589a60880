//! The dated table of prices, `prices/2026-11.toml`: read once, complete for every region that it names.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The table's text; a newer one takes this one's place.
pub const TEXT: &str = include_str!("../../../prices/2026-11.toml");

/// Region whose prices stand in where a region's own are not in the table.
pub const STAND_IN: &str = "us-east-1";

/// Something that AWS charges for, with its unit in the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each name is the whole of what it is")]
pub enum Item {
    FargateX86VcpuHour,
    FargateX86GbHour,
    FargateArmVcpuHour,
    FargateArmGbHour,
    LoadBalancerHour,
    LoadBalancerLcuHour,
    PublicIpv4Hour,
    NatGatewayHour,
    NatGatewayGb,
    LambdaMillionRequests,
    LambdaX86GbSecond,
    LambdaArmGbSecond,
    HttpApiMillionRequests,
    CloudfrontGb,
    CloudfrontTenThousandRequests,
    DataOutGb,
    LogsIngestedGb,
    LogsStoredGbMonth,
    AlarmMonth,
    CustomMetricMonth,
    RegistryGbMonth,
    S3GbMonth,
    SecretMonth,
    KmsKeyMonth,
    HostedZoneMonth,
    WafAclMonth,
    WafRuleMonth,
    WafMillionRequests,
    SnsHundredThousandMails,
}

impl Item {
    /// Every item, in the order of the table.
    pub const ALL: [Item; 29] = [
        Item::FargateX86VcpuHour,
        Item::FargateX86GbHour,
        Item::FargateArmVcpuHour,
        Item::FargateArmGbHour,
        Item::LoadBalancerHour,
        Item::LoadBalancerLcuHour,
        Item::PublicIpv4Hour,
        Item::NatGatewayHour,
        Item::NatGatewayGb,
        Item::LambdaMillionRequests,
        Item::LambdaX86GbSecond,
        Item::LambdaArmGbSecond,
        Item::HttpApiMillionRequests,
        Item::CloudfrontGb,
        Item::CloudfrontTenThousandRequests,
        Item::DataOutGb,
        Item::LogsIngestedGb,
        Item::LogsStoredGbMonth,
        Item::AlarmMonth,
        Item::CustomMetricMonth,
        Item::RegistryGbMonth,
        Item::S3GbMonth,
        Item::SecretMonth,
        Item::KmsKeyMonth,
        Item::HostedZoneMonth,
        Item::WafAclMonth,
        Item::WafRuleMonth,
        Item::WafMillionRequests,
        Item::SnsHundredThousandMails,
    ];
}

impl std::fmt::Display for Item {
    /// As the table has it: `load-balancer-hour`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = format!("{self:?}");
        let mut before = ' ';
        for c in name.chars() {
            // A number after letters belongs to its word: `s3`, `x86`, `ipv4`.
            if c.is_ascii_uppercase() && before != ' ' {
                f.write_str("-")?;
            }
            write!(f, "{}", c.to_ascii_lowercase())?;
            before = c;
        }
        Ok(())
    }
}

/// How well a price is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Read from AWS's price list at the table's date.
    Measured,
    /// As AWS's pricing page is known; to be refreshed.
    List,
}

/// A price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// USD for one unit; never negative, always finite.
    pub usd: f64,
    /// How well it is known.
    pub confidence: Confidence,
}

/// Why a table could not be read.
#[derive(Debug, PartialEq, Eq)]
pub struct UnreadableTable(String);

impl std::fmt::Display for UnreadableTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the table of prices: {}", self.0)
    }
}

impl std::error::Error for UnreadableTable {}

/// Prices of all regions that the table names.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The day of the prices, `2026-11-23`.
    pub date: String,
    /// Hours that a month is taken to have.
    pub hours: f64,
    regions: BTreeMap<String, [Price; Item::ALL.len()]>,
}

/// Prices of one region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates<'a> {
    /// Whether they are the region's own; otherwise those of [`STAND_IN`].
    pub is_own: bool,
    prices: &'a [Price; Item::ALL.len()],
}

impl Rates<'_> {
    /// What one unit costs.
    pub fn of(&self, item: Item) -> Price {
        self.prices[item as usize]
    }
}

/// A table as its file has it, with the sources.
#[derive(Debug, Deserialize)]
pub struct RawTable {
    date: String,
    hours: f64,
    /// The regions with prices of their own.
    pub regions: Vec<String>,
    #[serde(flatten)]
    items: BTreeMap<Item, RawItem>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawItem {
    source: String,
    #[serde(default)]
    measured: BTreeMap<String, f64>,
    #[serde(default)]
    list: BTreeMap<String, f64>,
}

impl RawTable {
    /// Reads the text of a table.
    ///
    /// # Errors
    /// It is no TOML, or lacks a key.
    pub fn parse(text: &str) -> Result<RawTable, UnreadableTable> {
        toml::from_str(text).map_err(|error| UnreadableTable(error.to_string()))
    }

    /// Where people read the price.
    pub fn source(&self, item: Item) -> &str {
        self.items.get(&item).map_or("", |raw| &raw.source)
    }
}

impl RawItem {
    fn price(&self, item: Item, region: &str) -> Result<Price, UnreadableTable> {
        let (usd, confidence) = match (self.measured.get(region), self.list.get(region)) {
            (Some(usd), None) => (*usd, Confidence::Measured),
            (None, Some(usd)) => (*usd, Confidence::List),
            (None, None) => return Err(UnreadableTable(format!("{item:?} lacks {region}"))),
            (Some(_), Some(_)) => {
                return Err(UnreadableTable(format!("{item:?} has {region} twice")));
            }
        };
        if !usd.is_finite() || usd < 0.0 {
            return Err(UnreadableTable(format!("{item:?} in {region} is {usd}")));
        }
        Ok(Price { usd, confidence })
    }

    fn check(&self, item: Item, regions: &[String]) -> Result<(), UnreadableTable> {
        if !self.source.starts_with("https://") {
            return Err(UnreadableTable(format!("{item:?} names no source")));
        }
        let stray = |region: &&String| !regions.contains(region);
        match self.measured.keys().chain(self.list.keys()).find(stray) {
            Some(region) => Err(UnreadableTable(format!("{item:?} names {region}"))),
            None => Ok(()),
        }
    }
}

impl Table {
    /// Reads a table in the format of `prices/2026-11.toml`.
    ///
    /// # Errors
    /// It is no such table, or it lacks an item, a region of an item, a source, or the region that stands
    /// in for others; or it has an item that nothing reads.
    pub fn parse(text: &str) -> Result<Table, UnreadableTable> {
        let raw = RawTable::parse(text)?;
        for (item, prices) in &raw.items {
            prices.check(*item, &raw.regions)?;
        }
        if !raw.regions.iter().any(|region| region == STAND_IN) {
            return Err(UnreadableTable(format!("it lacks {STAND_IN}")));
        }
        if !(raw.hours > 0.0 && raw.hours <= 744.0) {
            return Err(UnreadableTable(format!("a month of {} hours", raw.hours)));
        }
        let mut regions = BTreeMap::new();
        for region in &raw.regions {
            let mut prices = [Price {
                usd: 0.0,
                confidence: Confidence::List,
            }; Item::ALL.len()];
            for item in Item::ALL {
                let found = raw.items.get(&item);
                let found = found.ok_or_else(|| UnreadableTable(format!("it lacks {item:?}")))?;
                prices[item as usize] = found.price(item, region)?;
            }
            regions.insert(region.clone(), prices);
        }
        Ok(Table {
            date: raw.date,
            hours: raw.hours,
            regions,
        })
    }

    /// The table that comes with this version of landfall.
    pub fn own() -> &'static Table {
        static OWN: LazyLock<Table> =
            LazyLock::new(|| Table::parse(TEXT).expect("a test reads the very same text"));
        &OWN
    }

    /// Regions whose own prices it has.
    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.regions.keys().map(String::as_str)
    }

    /// The prices of a region, or those of [`STAND_IN`].
    pub fn rates(&self, region: &str) -> Rates<'_> {
        let own = self.regions.get(region);
        Rates {
            is_own: own.is_some(),
            prices: own.unwrap_or_else(|| &self.regions[STAND_IN]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(from: &str, to: &str) -> String {
        assert!(TEXT.contains(from), "{from}");
        let error = Table::parse(&TEXT.replacen(from, to, 1)).expect_err("must not be read");
        error.to_string()
    }

    #[test]
    fn the_table_that_is_shipped_is_complete() {
        let table = Table::parse(TEXT).expect("table");
        assert_eq!(table.regions().count(), 5);
        for region in table.regions() {
            assert!(
                Item::ALL
                    .iter()
                    .all(|item| table.rates(region).of(*item).usd > 0.0)
            );
        }
        let london = table.rates("eu-west-2").of(Item::LoadBalancerHour);
        assert_eq!(london.usd, 0.02646);
        assert_eq!(london.confidence, Confidence::Measured);
        let frankfurt = table.rates("eu-central-1").of(Item::LoadBalancerHour);
        assert_eq!(frankfurt.confidence, Confidence::List);
    }

    #[test]
    fn every_item_stands_at_its_own_place() {
        for (place, item) in Item::ALL.iter().enumerate() {
            assert_eq!(*item as usize, place);
        }
    }

    #[test]
    fn an_item_is_called_what_it_is_called_in_the_file() {
        for item in Item::ALL {
            assert_eq!(
                serde_json::to_value(item).expect("a word"),
                item.to_string()
            );
        }
    }

    #[test]
    fn a_region_that_is_not_there_gets_another_ones_prices() {
        let table = Table::own();
        let rates = table.rates("eu-north-1");
        assert!(!rates.is_own);
        assert_eq!(
            rates.of(Item::S3GbMonth),
            table.rates(STAND_IN).of(Item::S3GbMonth)
        );
        assert!(table.rates("us-west-2").is_own);
    }

    #[test]
    fn what_is_missing_twice_or_nonsense_is_refused() {
        let hour = "[load-balancer-hour]";
        assert!(fails("us-west-2 = 0.0225, ", "").contains("LoadBalancerHour lacks us-west-2"));
        assert!(fails("us-west-2 = 0.0225", "us-east-1 = 0.1").contains("LoadBalancerHour"));
        assert!(fails("us-west-2 = 0.0225", "us-west-2 = -1").contains("is -1"));
        assert!(fails("us-west-2 = 0.0225", "us-west-2 = nan").contains("is NaN"));
        assert!(fails("us-west-2 = 0.0225,", "us-west-2 = 1, moon = 1,").contains("names moon"));
        assert!(fails("source = \"https", "source = \"http").contains("names no source"));
        assert!(fails(hour, "[load-balancer-year]").contains("load-balancer-year"));
        assert!(fails("hours = 730", "hours = 0").contains("0 hours"));
    }

    #[test]
    fn anything_may_be_offered_as_a_table() {
        for text in ["", "[", "date = 1", "regions = []"] {
            assert!(Table::parse(text).is_err(), "{text}");
        }
    }
}
