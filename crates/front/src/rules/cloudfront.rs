//! CloudFront: the control plane.

use crate::answer::Answer;
use crate::clock::Lag;
use crate::request::Call;
use crate::rule::{Apply, Before, Concern, Kind, On, Rule};
use crate::state::{Distribution, OriginSettings};
use crate::world::World;
use crate::xml;
use roxmltree::Document;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "cloudfront-account-not-verified",
        concerns: &[("cloudfront", &["CreateDistribution"])],
        kind: Kind::Refuse,
        on: On::Scenario("cloudfront-not-verified"),
        summary: "Some new accounts may not create distributions until AWS Support has verified \
                  them.",
        source: "https://github.com/hashicorp/terraform-provider-aws/pull/36663",
        apply: Apply::Request(refused),
    },
    Rule {
        id: "cloudfront-in-progress",
        concerns: &[(
            "cloudfront",
            &[
                "CreateDistribution",
                "GetDistribution",
                "ListDistributions",
                "UpdateDistribution",
            ],
        )],
        kind: Kind::HoldBack,
        on: On::Default,
        summary: "A new or changed distribution is InProgress for minutes before it is Deployed.",
        source: "botocore cloudfront 2020-05-31, Distribution",
        apply: Apply::Response(in_progress),
    },
];

pub(super) const OBSERVED: &[Concern] = &[(
    "cloudfront",
    &[
        "CreateDistribution",
        "UpdateDistribution",
        "DeleteDistribution",
    ],
)];

const DEPLOYED: Lag = Lag {
    short: (2.0, 5.0),
    real: (180.0, 600.0),
};

pub(super) fn observe(world: &mut World, call: &Call, answer: &Answer) {
    if call.operation == "DeleteDistribution" {
        let id = call.segment(2).unwrap_or_default();
        world.state.distributions.remove(&id);
        return;
    }
    let text = answer.text();
    let Ok(document) = Document::parse(&text) else {
        return;
    };
    let of_root = |name| xml::child_text(document.root_element(), name).map(str::to_owned);
    let Some(id) = of_root("Id") else {
        return;
    };
    let distribution = Distribution {
        in_progress: world.later(DEPLOYED),
        changed: world.now,
        domain: of_root("DomainName").unwrap_or_default(),
        error_ttls: error_ttls(&call.text()),
        origin: origin(&call.text()),
    };
    world.state.distributions.insert(id, distribution);
}

/// Seconds for which errors are cached, by status, as a `DistributionConfig` has them.
fn error_ttls(config: &str) -> BTreeMap<u16, u64> {
    let Ok(document) = Document::parse(config) else {
        return BTreeMap::new();
    };
    let responses = xml::all(document.root(), "CustomErrorResponse");
    responses
        .filter_map(|response| {
            let status = xml::child_text(response, "ErrorCode")?.parse().ok()?;
            let seconds = xml::child_text(response, "ErrorCachingMinTTL")?
                .parse()
                .ok()?;
            Some((status, seconds))
        })
        .collect()
}

/// How the first origin of a `DistributionConfig` is asked.
fn origin(config: &str) -> OriginSettings {
    let mut origin = OriginSettings::default();
    let Ok(document) = Document::parse(config) else {
        return origin;
    };
    let number = |name| {
        let node = xml::all(document.root(), name).next()?;
        node.text()?.parse::<u32>().ok()
    };
    if let Some(attempts) = number("ConnectionAttempts") {
        origin.attempts = attempts;
    }
    if let Some(seconds) = number("OriginReadTimeout") {
        origin.read_timeout = Duration::from_secs(seconds.into());
    }
    origin
}

fn refused(_: &mut World, call: &Call) -> Before {
    let message = "Your account must be verified before you can add new CloudFront resources. To \
                   verify your account, please contact AWS Support \
                   (https://console.aws.amazon.com/support/home#/) and include this error message.";
    Before::Answer(Answer::error(call, 403, "AccessDenied", message))
}

fn in_progress(world: &mut World, _: &Call, answer: &mut Answer) {
    const DONE: &str = "<Status>Deployed</Status>";
    if !answer.status.is_success() {
        return;
    }
    let text = answer.text();
    let mut changed = String::with_capacity(text.len());
    // The ID of a distribution comes before its status, in a list too.
    for part in text.split_inclusive(DONE) {
        let id = part.rfind("<Id>");
        let id = id.and_then(|start| part[start + 4..].split('<').next());
        let known = id.and_then(|id| world.state.distributions.get(id));
        if known.is_some_and(|known| world.now < known.in_progress) {
            changed.push_str(&part.replace(DONE, "<Status>InProgress</Status>"));
        } else {
            changed.push_str(part);
        }
    }
    answer.body = changed.into();
}

#[cfg(test)]
mod tests {
    use crate::answer::Answer;
    use crate::request::Call;
    use crate::rules::testing::{Bench, call};

    const CONFIG: &str = r#"<DistributionConfigWithTags xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">
        <DistributionConfig><Origins><Quantity>1</Quantity><Items><Origin><Id>app</Id>
        <CustomOriginConfig><OriginReadTimeout>60</OriginReadTimeout></CustomOriginConfig>
        <ConnectionAttempts>1</ConnectionAttempts></Origin></Items></Origins><CustomErrorResponses><Quantity>1</Quantity><Items>
        <CustomErrorResponse><ErrorCode>404</ErrorCode><ErrorCachingMinTTL>0</ErrorCachingMinTTL>
        </CustomErrorResponse></Items></CustomErrorResponses></DistributionConfig>
        </DistributionConfigWithTags>"#;
    const STORED: &str = "<Distribution><Id>E1ABC</Id><Status>Deployed</Status>\
                          <DomainName>d1.cloudfront.net</DomainName></Distribution>";

    fn create() -> Call {
        call(
            "cloudfront",
            "POST",
            "/2020-05-31/distribution?WithTags",
            CONFIG,
        )
    }

    fn stored(text: &str) -> Answer {
        Answer::new(200, "text/xml", text.to_owned())
    }

    #[test]
    fn an_unverified_account_has_no_distributions() {
        assert_eq!(Bench::new().refusal(&create()), None);
        let mut bench = Bench::of("cloudfront-not-verified");
        let (status, text) = bench.refusal(&create()).expect("a refusal");
        assert_eq!(status, 403);
        assert!(text.contains("Your account must be verified"), "{text}");
    }

    #[test]
    fn a_distribution_is_in_progress_for_a_while() {
        let mut bench = Bench::new();
        let made = bench.call(&create(), stored(STORED)).text();
        assert!(made.contains("<Status>InProgress</Status>"), "{made}");
        let get = call("cloudfront", "GET", "/2020-05-31/distribution/E1ABC", "");
        let seen = bench.call(&get, stored(STORED)).text();
        assert!(seen.contains("<Status>InProgress</Status>"), "{seen}");
        let list = call("cloudfront", "GET", "/2020-05-31/distribution", "");
        let both = format!("<L>{}{STORED}</L>", STORED.replace("E1ABC", "E2ABC"));
        let seen = bench.call(&list, stored(&both)).text();
        assert_eq!(seen.matches("InProgress").count(), 1, "{seen}");
        bench.pass(6);
        assert_eq!(bench.call(&get, stored(STORED)).text(), STORED);
    }

    #[test]
    fn error_caching_and_origin_are_read_from_the_configuration() {
        let mut bench = Bench::new();
        bench.call(&create(), stored(STORED));
        let state = &bench.front.world.state;
        let known = state
            .distribution("d1.cloudfront.net")
            .expect("a distribution");
        assert_eq!(known.error_ttls.get(&404), Some(&0));
        assert_eq!(known.error_ttls.get(&500), None);
        assert_eq!(
            (known.origin.attempts, known.origin.read_timeout.as_secs()),
            (1, 60)
        );
        assert!(state.distribution("127.0.0.1").is_some());
    }
}
