//! The offers in here were written and trimmed by hand after the documented format and the usage
//! types that bills show. Real ones were not downloaded: that every usage type is right shows with
//! the first refresh.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A product with its tiers: beginning and USD.
fn product(offer: &mut Value, sku: &str, family: &str, attributes: &Value, tiers: &[(&str, &str)]) {
    offer["products"][sku] = json!({"sku": sku, "productFamily": family, "attributes": attributes});
    let code = format!("{sku}.JRTCKXETXF");
    let mut term = json!({"offerTermCode": "JRTCKXETXF", "sku": sku,
        "effectiveDate": "2026-11-01T00:00:00Z", "priceDimensions": {}, "termAttributes": {}});
    for (number, (begin, usd)) in tiers.iter().enumerate() {
        let rate = format!("{code}.{number}");
        term["priceDimensions"][&rate] = json!({"rateCode": rate, "description": "trimmed",
            "beginRange": begin, "endRange": "Inf", "unit": "unit",
            "pricePerUnit": {"USD": usd}, "appliesTo": []});
    }
    offer["terms"]["OnDemand"][sku] = json!({});
    offer["terms"]["OnDemand"][sku][&code] = term;
}

fn offer(service: &str) -> Value {
    json!({"formatVersion": "v1.0", "disclaimer": "trimmed by hand", "offerCode": service,
        "version": "20261120182130", "publicationDate": "2026-11-20T18:21:30Z",
        "products": {}, "terms": {"OnDemand": {}}})
}

fn usage(usagetype: &str) -> Value {
    json!({"servicecode": "trimmed", "usagetype": usagetype})
}

fn read_value(offer: &Value, region: &str) -> Result<Offer, UnreadableOffer> {
    read(&offer.to_string(), region)
}

fn prices(offer: &Offer) -> Vec<(Item, f64)> {
    let entries = offer.entries.iter();
    entries.map(|entry| (entry.item, entry.usd)).collect()
}

fn fargate() -> Value {
    let mut offer = offer("AmazonECS");
    let tiers = |usd| [("0", usd)];
    let mut add = |sku, kind: &str, usd| {
        product(&mut offer, sku, "Compute", &usage(kind), &tiers(usd));
    };
    add("A1", "EUW2-Fargate-vCPU-Hours:perCPU", "0.0465600000");
    add("A2", "EUW2-Fargate-GB-Hours", "0.0051100000");
    add("A3", "EUW2-Fargate-ARM-vCPU-Hours:perCPU", "0.0372500000");
    add("A4", "EUW2-Fargate-ARM-GB-Hours", "0.0040900000");
    add(
        "A5",
        "EUW2-Fargate-Windows-vCPU-Hours:perCPU",
        "0.0535440000",
    );
    add("A6", "EUW2-ECS-EC2-vCPU-Hours", "0.0000000000");
    offer
}

#[test]
fn fargate_of_london_is_what_the_table_has() {
    let read = read_value(&fargate(), "eu-west-2").expect("offer");
    assert_eq!(read.service, "AmazonECS");
    assert_eq!(read.published, "2026-11-20T18:21:30Z");
    assert_eq!(read.missing, []);
    assert_eq!(
        prices(&read),
        [
            (Item::FargateX86VcpuHour, 0.04656),
            (Item::FargateX86GbHour, 0.00511),
            (Item::FargateArmVcpuHour, 0.03725),
            (Item::FargateArmGbHour, 0.00409),
        ]
    );
    assert_eq!(read.entries[0].sku, "A1");
    let same = differences(Table::own(), "eu-west-2", &read.entries);
    assert_eq!(same, Some(Vec::new()));
    assert_eq!(differences(Table::own(), "eu-north-1", &read.entries), None);
}

#[test]
fn a_price_that_changed_is_reported_with_both_figures() {
    let mut offer = fargate();
    let price = &mut offer["terms"]["OnDemand"]["A1"]["A1.JRTCKXETXF"];
    price["priceDimensions"]["A1.JRTCKXETXF.0"]["pricePerUnit"]["USD"] = json!("0.05");
    let read = read_value(&offer, "eu-west-2").expect("offer");
    let expected = Difference {
        item: Item::FargateX86VcpuHour,
        table_usd: 0.04656,
        list_usd: 0.05,
    };
    let found = differences(Table::own(), "eu-west-2", &read.entries);
    assert_eq!(found, Some(vec![expected]));
}

#[test]
fn another_regions_usage_types_are_not_taken() {
    let read = read_value(&fargate(), "us-east-1").expect("offer");
    assert_eq!(read.entries, []);
    assert_eq!(read.missing.len(), 4);
}

#[test]
fn a_usage_type_is_the_whole_of_what_follows_the_region() {
    let mut offer = offer("AWSELB");
    let family = "Load Balancer-Application";
    // Trust stores of the same family, and network load balancers of the same usage type.
    product(
        &mut offer,
        "B1",
        family,
        &usage("TS-LoadBalancerUsage"),
        &[("0", "0.0056")],
    );
    product(
        &mut offer,
        "B2",
        "Load Balancer-Network",
        &usage("LoadBalancerUsage"),
        &[("0", "0.1")],
    );
    product(
        &mut offer,
        "B3",
        family,
        &usage("LoadBalancerUsage"),
        &[("0", "0.0225")],
    );
    let read = read_value(&offer, "us-east-1").expect("offer");
    assert_eq!(prices(&read), [(Item::LoadBalancerHour, 0.0225)]);
    assert_eq!(read.missing, [Item::LoadBalancerLcuHour]);
}

#[test]
fn the_first_paid_tier_counts_in_our_unit() {
    let mut sns = offer("AmazonSNS");
    let mails = usage("USE1-DeliveryAttempts-SMTP");
    product(
        &mut sns,
        "C1",
        "",
        &mails,
        &[("1000", "0.0000200000"), ("0", "0.0000000000")],
    );
    let read = read_value(&sns, "us-east-1").expect("offer");
    assert_eq!(prices(&read), [(Item::SnsHundredThousandMails, 2.0)]);

    let mut api = offer("AmazonApiGateway");
    let tiers = [("300000000", "0.0000009000"), ("0", "0.0000010000")];
    product(
        &mut api,
        "C2",
        "API Calls",
        &usage("USE1-ApiGatewayHttpRequest"),
        &tiers,
    );
    let read = read_value(&api, "us-east-1").expect("offer");
    assert_eq!(
        differences(Table::own(), "us-east-1", &read.entries),
        Some(Vec::new())
    );
    assert_eq!(read.missing, []);
}

#[test]
fn keys_and_cloudfront_name_their_places_in_their_own_way() {
    let mut kms = offer("awskms");
    product(
        &mut kms,
        "D1",
        "Encryption Key",
        &usage("eu-west-1-KMS-Keys"),
        &[("0", "1.0")],
    );
    let read = read_value(&kms, "eu-west-1").expect("offer");
    assert_eq!(prices(&read), [(Item::KmsKeyMonth, 1.0)]);

    let mut cdn = offer("AmazonCloudFront");
    for (sku, continent, usd) in [("D2", "US", "0.000001"), ("D3", "EU", "0.0000012")] {
        let kind = format!("{continent}-Requests-Tier2-HTTPS");
        product(&mut cdn, sku, "Request", &usage(&kind), &[("0", usd)]);
    }
    for region in ["us-west-2", "eu-central-1"] {
        let read = read_value(&cdn, region).expect("offer");
        assert_eq!(
            differences(Table::own(), region, &read.entries),
            Some(Vec::new()),
            "{region}"
        );
        assert_eq!(read.entries.len(), 1);
    }
}

#[test]
fn the_latest_term_holds() {
    let mut offer = fargate();
    let terms = &mut offer["terms"]["OnDemand"]["A2"];
    let mut old = terms["A2.JRTCKXETXF"].clone();
    old["effectiveDate"] = json!("2020-01-01T00:00:00Z");
    old["priceDimensions"]["A2.JRTCKXETXF.0"]["pricePerUnit"]["USD"] = json!("9");
    terms["A2.ZZ"] = old;
    let read = read_value(&offer, "eu-west-2").expect("offer");
    assert_eq!(prices(&read)[1], (Item::FargateX86GbHour, 0.00511));
}

#[test]
fn two_prices_for_one_item_are_refused_and_two_equal_ones_are_not() {
    let mut offer = fargate();
    let kind = usage("EUW2-Fargate-GB-Hours");
    product(&mut offer, "A9", "Compute", &kind, &[("0", "0.00511")]);
    assert!(read_value(&offer, "eu-west-2").is_ok());
    product(&mut offer, "A9", "Compute", &kind, &[("0", "0.006")]);
    let error = read_value(&offer, "eu-west-2")
        .expect_err("ambiguous")
        .to_string();
    assert!(error.contains("A2") && error.contains("A9"), "{error}");
}

#[test]
fn what_is_not_documented_is_refused() {
    let change = |pointer: &str, value: Value| {
        let mut offer = fargate();
        *offer.pointer_mut(pointer).expect(pointer) = value;
        read_value(&offer, "eu-west-2")
            .expect_err(pointer)
            .to_string()
    };
    let price = "/terms/OnDemand/A1/A1.JRTCKXETXF/priceDimensions/A1.JRTCKXETXF.0/pricePerUnit";
    assert!(change("/formatVersion", json!("v2.0")).contains("v2.0"));
    assert!(change(price, json!({"CNY": "1"})).contains("no price in USD"));
    assert!(change(price, json!({"USD": "-1"})).contains("no number"));
    assert!(change(price, json!({"USD": "NaN"})).contains("no number"));
    assert!(change("/terms/OnDemand/A1", json!({})).contains("no term"));
    assert!(read("", "eu-west-2").is_err());
}

#[test]
fn every_item_has_its_place_once() {
    let places: Vec<Item> = PLACES.iter().map(|place| place.item).collect();
    assert_eq!(places, Item::ALL);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"a-zA-Z0-9. -]{0,80}", usd in "[0-9eE+.-]{0,8}") {
        // Neither is a price list, or the price is one.
        prop_assert!(read(&text, "us-east-1").is_err());
        let mut offer = fargate();
        let price = &mut offer["terms"]["OnDemand"]["A1"]["A1.JRTCKXETXF"];
        price["priceDimensions"]["A1.JRTCKXETXF.0"]["pricePerUnit"]["USD"] = json!(usd);
        if let Ok(read) = read_value(&offer, "eu-west-2") {
            prop_assert!(read.entries.iter().all(|entry| entry.usd.is_finite() && entry.usd >= 0.0));
        }
    }
}

#[test]
fn every_place_is_in_a_service_that_is_known() {
    for place in &PLACES {
        let known = SERVICES.iter().any(|service| service.code == place.service);
        assert!(known, "{:?}", place.item);
    }
    for service in &SERVICES {
        assert!(PLACES.iter().any(|place| place.service == service.code));
    }
    let front = SERVICES.iter().find(|s| s.code == "AmazonCloudFront");
    let path = front.expect("CloudFront").path(None);
    assert_eq!(path, "offers/v1.0/aws/AmazonCloudFront/current/index.json");
}
