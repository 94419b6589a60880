//! AWS's price list, served by the test itself: written by hand after the documented format.

use rules::shape::cost::prices::{Confidence, Item, Table};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;

/// Fargate of London, with Arm dearer than the table has it.
fn offer() -> Value {
    let mut products = json!({});
    let mut terms = json!({});
    for (sku, usage, usd) in [
        ("A1", "EUW2-Fargate-vCPU-Hours:perCPU", "0.0465600000"),
        ("A2", "EUW2-Fargate-GB-Hours", "0.0051100000"),
        ("A3", "EUW2-Fargate-ARM-vCPU-Hours:perCPU", "0.0400000000"),
    ] {
        products[sku] = json!({"sku": sku, "productFamily": "Compute",
            "attributes": {"usagetype": usage}});
        terms[sku] = json!({"T": {"effectiveDate": "2026-11-01T00:00:00Z",
            "priceDimensions": {"D": {"beginRange": "0", "pricePerUnit": {"USD": usd}}}}});
    }
    json!({"formatVersion": "v1.0", "offerCode": "AmazonECS",
        "publicationDate": "2026-11-20T18:21:30Z", "products": products,
        "terms": {"OnDemand": terms}})
}

/// Answers with the offer where it belongs, with nonsense in one place, and with 404 elsewhere. The thread
/// ends with the test's process.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a reader")).lines();
            let first = lines.next().expect("a request").expect("a line");
            for line in lines {
                if line.expect("a header").is_empty() {
                    break;
                }
            }
            let (status, body) = match first.split(' ').nth(1).unwrap_or_default() {
                "/offers/v1.0/aws/AmazonECS/current/eu-west-2/index.json" => {
                    ("200 OK", offer().to_string())
                }
                "/offers/v1.0/aws/AmazonECR/current/eu-west-2/index.json" => {
                    ("200 OK", "no list".to_owned())
                }
                _ => ("404 Not Found", String::new()),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    format!("http://{address}/")
}

fn prices(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("prices")
        .args(arguments)
        .output()
        .expect("the bench starts");
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success(), text.concat())
}

#[test]
fn what_changed_is_reported_and_a_new_table_is_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("prices.toml");
    let (from, write) = (serve(), file.display().to_string());
    let (is_done, text) = prices(&["--from", &from, "--write", &write]);
    assert!(is_done, "{text}");
    assert!(text.contains("3 prices read"), "{text}");
    let moved: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("instead of"))
        .collect();
    assert_eq!(
        moved,
        ["  fargate-arm-vcpu-hour in eu-west-2: 0.04 instead of 0.03725"]
    );
    for part in ["AmazonECR/current/eu-west-2", "404", "NAT gateway"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let text = std::fs::read_to_string(file).expect("a file");
    let (old, new) = (Table::own(), Table::parse(&text).expect("a table"));
    let london = new.rates("eu-west-2");
    assert_eq!(london.of(Item::FargateArmVcpuHour).usd, 0.04);
    let kept = Item::LoadBalancerHour;
    assert_eq!(london.of(kept).usd, old.rates("eu-west-2").of(kept).usd);
    assert_eq!(london.of(kept).confidence, Confidence::List);
    assert_ne!(new.date, old.date);
}

#[test]
fn where_nothing_can_be_read_nothing_is_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("prices.toml");
    let write = file.display().to_string();
    // Nothing listens on port 1.
    let (is_done, text) = prices(&["--from", "http://127.0.0.1:1", "--write", &write]);
    assert!(!is_done, "{text}");
    assert!(text.contains("no price could be read"), "{text}");
    assert!(!file.exists());
}
