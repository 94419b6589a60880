//! The app's own domain.

use super::newtype::text_value;
use super::problem::{Invalid, quoted};
use serde::Serialize;

/// Longest name that AWS makes a certificate for: it becomes the certificate's common name, to which RFC 5280
/// gives 64 characters. DNS itself would take 253
/// (<https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>).
pub const DOMAIN_LENGTH: usize = 64;

/// Longest part between two dots (RFC 1035, 2.3.4).
const LABEL_LENGTH: usize = 63;

/// A domain name such as `app.example.com`: a host's name after RFC 1123, in lower case, without a dot at its
/// end. From the key `domain`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Domain(String);

text_value!(Domain);

impl Domain {
    /// Checks a name.
    ///
    /// # Errors
    /// It is no name that a browser could ask for, or none that AWS certifies.
    pub fn parse(text: &str) -> Result<Domain, Invalid> {
        match fault(text) {
            None => Ok(Domain(text.to_owned())),
            Some((why, fix)) => Err(Invalid::new(
                format!("{} cannot be a domain", quoted(text)),
                why,
                fix,
            )),
        }
    }

    /// The domain and what it lies in, the nearest first, as far down as two labels: a zone may have any of
    /// these names.
    pub fn zones(&self) -> impl Iterator<Item = &str> {
        let mut rest = Some(self.0.as_str());
        std::iter::from_fn(move || {
            let zone = rest.filter(|zone| zone.contains('.'))?;
            rest = zone.split_once('.').map(|(_, parent)| parent);
            Some(zone)
        })
    }
}

/// The first rule that a name breaks, and what to write instead.
fn fault(text: &str) -> Option<(String, String)> {
    let usual = || "write a name such as `app.example.com`".to_owned();
    let meant = plain(text);
    let fix = || match &meant {
        Some(name) => format!("write `domain = \"{name}\"`"),
        None => usual(),
    };
    if !text.is_ascii() {
        return Some((
            "it holds letters that DNS does not have".to_owned(),
            "write it in Punycode, the form that begins with `xn--`: every registrar shows it"
                .to_owned(),
        ));
    }
    if text.starts_with("*.") || text.contains('*') {
        return Some((
            "an app has one address, and a wildcard matches many".to_owned(),
            usual(),
        ));
    }
    if text.contains("://") || text.contains('/') || text.contains(':') {
        return Some(("it is an address, and a name is wanted".to_owned(), fix()));
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Some(("it must be in lower case".to_owned(), fix()));
    }
    if text.len() > 1 && text.ends_with('.') {
        return Some(("it must not end with a dot".to_owned(), fix()));
    }
    let strange = |c: &char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(*c));
    if let Some(c) = text.chars().find(strange) {
        let shown = quoted(&c.to_string());
        return Some((
            format!("{shown} is neither a letter a-z, a digit, a hyphen nor a dot"),
            usual(),
        ));
    }
    let labels: Vec<&str> = text.split('.').collect();
    for label in &labels {
        let why = match label.len() {
            0 if text.is_empty() => "it is empty".to_owned(),
            0 => "it has a dot without anything before or after it".to_owned(),
            length if length > LABEL_LENGTH => {
                format!("a part of it has {length} characters, at most {LABEL_LENGTH} are possible")
            }
            _ if label.starts_with('-') || label.ends_with('-') => {
                format!("{} begins or ends with a hyphen", quoted(label))
            }
            _ => continue,
        };
        return Some((why, usual()));
    }
    if labels.len() < 2 {
        return Some((
            "it has one part, and at least two are needed".to_owned(),
            usual(),
        ));
    }
    if labels
        .last()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
    {
        return Some(("it ends with a number, as addresses do".to_owned(), usual()));
    }
    (text.len() > DOMAIN_LENGTH).then(|| {
        let length = text.len();
        (
            format!(
                "it has {length} characters, and AWS makes certificates for at most {DOMAIN_LENGTH}"
            ),
            "use a shorter name".to_owned(),
        )
    })
}

/// The name in what looks like an address of it: `https://App.example.com/` means `app.example.com`.
fn plain(text: &str) -> Option<String> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    (name != text && fault(&name).is_none()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn its_zones_are_itself_and_what_it_lies_in() {
        let domain = Domain::parse("a.b.example.com").expect("a domain");
        let zones: Vec<&str> = domain.zones().collect();
        assert_eq!(zones, ["a.b.example.com", "b.example.com", "example.com"]);
    }

    #[test]
    fn names_that_are_fine() {
        let long = format!("{}.{}.example.com", "a".repeat(40), "b".repeat(11));
        assert_eq!(long.len(), DOMAIN_LENGTH);
        for text in [
            "example.com",
            "app.example.com",
            "1.example.com",
            "xn--bcher-kva.example",
            "a-b.c-d.co.uk",
            &long,
        ] {
            assert!(Domain::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn refused_names_come_with_a_suggestion() {
        let label = "a".repeat(64);
        let shown: Vec<String> = [
            "",
            "localhost",
            "App.Example.com",
            "https://app.example.com/",
            "app.example.com.",
            "app.example.com:443",
            "*.example.com",
            "bücher.example",
            "my_app.example.com",
            "app..example.com",
            ".example.com",
            ".",
            "-app.example.com",
            "app-.example.com",
            "192.0.2.1",
            &format!("{label}.com"),
            &format!("{}.{}.com", "a".repeat(40), "b".repeat(40)),
        ]
        .into_iter()
        .map(|text| Domain::parse(text).expect_err(text).to_string())
        .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            if let Ok(domain) = Domain::parse(&text) {
                prop_assert_eq!(domain.as_str(), &text);
                prop_assert!(domain.zones().all(|zone| text.ends_with(zone)));
                prop_assert!(domain.zones().count() >= 1);
            }
        }

        #[test]
        fn whatever_a_refusal_proposes_is_taken(text in "(https://)?[A-Za-z0-9.-]{1,30}(/[a-z]*)?\\.?") {
            if let Err(invalid) = Domain::parse(&text)
                && let Some((_, rest)) = invalid.fix.split_once("domain = \"")
            {
                let proposed = rest.trim_end_matches("\"`");
                prop_assert!(Domain::parse(proposed).is_ok(), "{}", proposed);
            }
        }
    }
}
