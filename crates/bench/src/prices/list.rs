//! AWS's own price list, read to renew the table: one service of one region at a time, as
//! `https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/<service>/current/<region>/index.json`
//! has it.
//!
//! The format:
//! <https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html>.
//! Where the files are:
//! <https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api.html>.
//! Fetching them is the caller's; `AmazonEC2`, in which the NAT gateway is, has hundreds of MB.

use rules::shape::cost::prices::{Item, Table};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How an item is found in the list, and how its unit becomes ours.
struct Place {
    item: Item,
    /// `offerCode` of the file.
    service: &'static str,
    /// `usagetype`, without the region's prefix.
    usage: &'static str,
    /// Another attribute, or `productFamily`, that distinguishes it from others of the same usage type.
    also: Option<(&'static str, &'static str)>,
    /// How many of the list's units make one of landfall's units.
    units: f64,
}

const fn place(item: Item, service: &'static str, usage: &'static str) -> Place {
    Place {
        item,
        service,
        usage,
        also: None,
        units: 1.0,
    }
}

impl Place {
    const fn only(self, attribute: &'static str, value: &'static str) -> Place {
        Place {
            also: Some((attribute, value)),
            ..self
        }
    }

    const fn times(self, units: f64) -> Place {
        Place { units, ..self }
    }

    fn fits(&self, product: &Product, prefixes: &[String]) -> bool {
        let attributes = &product.attributes;
        let Some(usage) = attributes.get("usagetype") else {
            return false;
        };
        let is_usage = prefixes
            .iter()
            .any(|prefix| usage.strip_prefix(prefix.as_str()) == Some(self.usage));
        is_usage
            && self.also.is_none_or(|(name, value)| match name {
                "productFamily" => product.family == value,
                _ => attributes.get(name).is_some_and(|own| own == value),
            })
    }
}

const MILLION: f64 = 1_000_000.0;

/// Where every item is.
const PLACES: [Place; Item::ALL.len()] = [
    place(
        Item::FargateX86VcpuHour,
        "AmazonECS",
        "Fargate-vCPU-Hours:perCPU",
    ),
    place(Item::FargateX86GbHour, "AmazonECS", "Fargate-GB-Hours"),
    place(
        Item::FargateArmVcpuHour,
        "AmazonECS",
        "Fargate-ARM-vCPU-Hours:perCPU",
    ),
    place(Item::FargateArmGbHour, "AmazonECS", "Fargate-ARM-GB-Hours"),
    place(Item::LoadBalancerHour, "AWSELB", "LoadBalancerUsage")
        .only("productFamily", "Load Balancer-Application"),
    place(Item::LoadBalancerLcuHour, "AWSELB", "LCUUsage")
        .only("productFamily", "Load Balancer-Application"),
    place(Item::PublicIpv4Hour, "AmazonVPC", "PublicIPv4:InUseAddress"),
    place(Item::NatGatewayHour, "AmazonEC2", "NatGateway-Hours")
        .only("productFamily", "NAT Gateway"),
    place(Item::NatGatewayGb, "AmazonEC2", "NatGateway-Bytes").only("productFamily", "NAT Gateway"),
    place(Item::LambdaMillionRequests, "AWSLambda", "Request")
        .only("group", "AWS-Lambda-Requests")
        .times(MILLION),
    place(Item::LambdaX86GbSecond, "AWSLambda", "Lambda-GB-Second"),
    place(Item::LambdaArmGbSecond, "AWSLambda", "Lambda-GB-Second-ARM"),
    place(
        Item::HttpApiMillionRequests,
        "AmazonApiGateway",
        "ApiGatewayHttpRequest",
    )
    .times(MILLION),
    place(
        Item::CloudfrontGb,
        "AmazonCloudFront",
        "DataTransfer-Out-Bytes",
    ),
    place(
        Item::CloudfrontTenThousandRequests,
        "AmazonCloudFront",
        "Requests-Tier2-HTTPS",
    )
    .times(10_000.0),
    place(Item::DataOutGb, "AWSDataTransfer", "DataTransfer-Out-Bytes")
        .only("transferType", "AWS Outbound"),
    place(
        Item::LogsIngestedGb,
        "AmazonCloudWatch",
        "DataProcessing-Bytes",
    )
    .only("productFamily", "Data Payload"),
    place(
        Item::LogsStoredGbMonth,
        "AmazonCloudWatch",
        "TimedStorage-ByteHrs",
    ),
    place(Item::AlarmMonth, "AmazonCloudWatch", "CW:AlarmMonitorUsage"),
    place(
        Item::CustomMetricMonth,
        "AmazonCloudWatch",
        "CW:MetricMonitorUsage",
    ),
    place(Item::RegistryGbMonth, "AmazonECR", "TimedStorage-ByteHrs"),
    place(Item::S3GbMonth, "AmazonS3", "TimedStorage-ByteHrs").only("volumeType", "Standard"),
    place(
        Item::SecretMonth,
        "AWSSecretsManager",
        "AWSSecretsManager-Secrets",
    ),
    place(Item::KmsKeyMonth, "awskms", "KMS-Keys"),
    place(Item::HostedZoneMonth, "AmazonRoute53", "HostedZone").only("productFamily", "DNS Zone"),
    place(Item::WafAclMonth, "awswaf", "WebACLV2"),
    place(Item::WafRuleMonth, "awswaf", "RuleV2"),
    place(Item::WafMillionRequests, "awswaf", "RequestV2-Tier1").times(MILLION),
    place(
        Item::SnsHundredThousandMails,
        "AmazonSNS",
        "DeliveryAttempts-SMTP",
    )
    .times(100_000.0),
];

/// A service in AWS's price list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Service {
    /// AWS's code, for example `AmazonECS`.
    pub(super) code: &'static str,
    /// Whether it has one file for all regions.
    pub(super) is_global: bool,
}

impl Service {
    /// Where its file is, below the list's address.
    pub(super) fn path(&self, region: Option<&str>) -> String {
        let code = self.code;
        match region {
            Some(region) => format!("offers/v1.0/aws/{code}/current/{region}/index.json"),
            None => format!("offers/v1.0/aws/{code}/current/index.json"),
        }
    }
}

const fn service(code: &'static str) -> Service {
    Service {
        code,
        is_global: matches!(code.as_bytes(), b"AmazonCloudFront" | b"AmazonRoute53"),
    }
}

/// Every service that has a price of the table.
pub(super) const SERVICES: [Service; 16] = [
    service("AmazonECS"),
    service("AWSELB"),
    service("AmazonVPC"),
    service("AmazonEC2"),
    service("AWSLambda"),
    service("AmazonApiGateway"),
    service("AmazonCloudFront"),
    service("AWSDataTransfer"),
    service("AmazonCloudWatch"),
    service("AmazonECR"),
    service("AmazonS3"),
    service("AWSSecretsManager"),
    service("awskms"),
    service("AmazonRoute53"),
    service("awswaf"),
    service("AmazonSNS"),
];

/// The possible prefixes of a usage type for a region: its code in bills, its name, or nothing
/// (us-east-1, and services without regions). CloudFront distinguishes continents of users instead.
fn prefixes(service: &str, region: &str) -> Vec<String> {
    if service == "AmazonCloudFront" {
        let continent = if region.starts_with("eu-") {
            "EU-"
        } else {
            "US-"
        };
        return vec![continent.to_owned()];
    }
    let code = match region {
        "us-east-1" => "USE1-",
        "us-west-2" => "USW2-",
        "eu-west-1" => "EU-",
        "eu-west-2" => "EUW2-",
        "eu-central-1" => "EUC1-",
        _ => "",
    };
    let mut all = vec![code.to_owned(), format!("{region}-")];
    let is_global = ["AmazonRoute53", "awswaf"].contains(&service);
    if region == "us-east-1" || is_global {
        all.push(String::new());
    }
    all
}

/// A price that AWS's list has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Of what.
    pub(super) item: Item,
    /// USD for one unit of the item.
    pub(super) usd: f64,
    /// AWS's number of the product, to look it up again.
    pub(super) sku: String,
}

/// What was read of one service in one region.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer {
    /// AWS's code of the service, for example `AmazonECS`.
    pub(super) service: String,
    /// When AWS published it, in its words: `2026-11-20T18:21:30Z`.
    pub(super) published: String,
    /// What it has of the table's items, in the table's order.
    pub(super) entries: Vec<Entry>,
    /// What it lacks.
    pub(super) missing: Vec<Item>,
}

/// Why a price list could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnreadableOffer(String);

impl std::fmt::Display for UnreadableOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AWS's price list: {}", self.0)
    }
}

impl std::error::Error for UnreadableOffer {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawOffer {
    format_version: String,
    offer_code: String,
    publication_date: String,
    products: BTreeMap<String, Product>,
    terms: Terms,
}

#[derive(Deserialize)]
struct Product {
    #[serde(rename = "productFamily", default)]
    family: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, BTreeMap<String, Term>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    effective_date: String,
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    /// Absent where there is one tier.
    #[serde(default)]
    begin_range: Option<String>,
    price_per_unit: BTreeMap<String, String>,
}

/// Reads the list of one service.
///
/// # Errors
/// It has another format than documented, no price in USD, or two products with different prices
/// where the table has one: choosing between them would be guessing.
pub(super) fn read(json: &str, region: &str) -> Result<Offer, UnreadableOffer> {
    let raw: RawOffer =
        serde_json::from_str(json).map_err(|error| UnreadableOffer(error.to_string()))?;
    if raw.format_version != "v1.0" {
        return Err(UnreadableOffer(format!(
            "format {} instead of v1.0",
            raw.format_version
        )));
    }
    let mut entries = Vec::new();
    let mut missing = Vec::new();
    let prefixes = prefixes(&raw.offer_code, region);
    for place in PLACES
        .iter()
        .filter(|place| place.service == raw.offer_code)
    {
        match find(&raw, place, &prefixes)? {
            Some(entry) => entries.push(entry),
            None => missing.push(place.item),
        }
    }
    Ok(Offer {
        service: raw.offer_code,
        published: raw.publication_date,
        entries,
        missing,
    })
}

fn find(
    offer: &RawOffer,
    place: &Place,
    prefixes: &[String],
) -> Result<Option<Entry>, UnreadableOffer> {
    let mut found: Option<Entry> = None;
    for (sku, product) in &offer.products {
        if !place.fits(product, prefixes) {
            continue;
        }
        let Some(terms) = offer.terms.on_demand.get(sku) else {
            continue;
        };
        let usd = first_paid(sku, terms)? * place.units;
        if let Some(other) = &found
            && !is_same(other.usd, usd)
        {
            return Err(UnreadableOffer(format!(
                "{:?} is {} in {} and {usd} in {sku}",
                place.item, other.usd, other.sku
            )));
        }
        found.get_or_insert(Entry {
            item: place.item,
            usd,
            sku: sku.clone(),
        });
    }
    Ok(found)
}

/// The first tier that costs anything, of the term that holds since the latest date.
fn first_paid(sku: &str, terms: &BTreeMap<String, Term>) -> Result<f64, UnreadableOffer> {
    let wrong = |what: &str| UnreadableOffer(format!("{sku}: {what}"));
    // Dates of RFC 3339 in UTC sort as texts.
    let latest = terms.values().max_by_key(|term| &term.effective_date);
    let latest = latest.ok_or_else(|| wrong("no term"))?;
    let mut tiers = Vec::new();
    for dimension in latest.price_dimensions.values() {
        let usd = dimension.price_per_unit.get("USD");
        let usd = usd.ok_or_else(|| wrong("no price in USD"))?;
        let begin = dimension.begin_range.as_deref().unwrap_or("0");
        let number = |text: &str| {
            text.parse::<f64>()
                .ok()
                .filter(|n| n.is_finite() && *n >= 0.0)
        };
        match (number(begin), number(usd)) {
            (Some(begin), Some(usd)) => tiers.push((begin, usd)),
            _ => return Err(wrong("a price or a tier that is no number")),
        }
    }
    tiers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let paid = tiers.iter().find(|(_, usd)| *usd > 0.0).or(tiers.first());
    paid.map(|(_, usd)| *usd).ok_or_else(|| wrong("no tier"))
}

/// Whether two prices are the same but for how floats are multiplied.
fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() <= a.abs().max(b.abs()) * 1e-9
}

/// Where the list differs from the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// Of what.
    pub(super) item: Item,
    /// USD in the table.
    pub(super) table_usd: f64,
    /// USD in AWS's list.
    pub(super) list_usd: f64,
}

/// Where `entries` of a region differ from the table. [`None`] if the table does not have the
/// region.
pub(super) fn differences(
    table: &Table,
    region: &str,
    entries: &[Entry],
) -> Option<Vec<Difference>> {
    let rates = table.rates(region);
    let differs = |entry: &&Entry| !is_same(rates.of(entry.item).usd, entry.usd);
    rates.is_own.then(|| {
        let differing = entries.iter().filter(differs);
        differing
            .map(|entry| Difference {
                item: entry.item,
                table_usd: rates.of(entry.item).usd,
                list_usd: entry.usd,
            })
            .collect()
    })
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
