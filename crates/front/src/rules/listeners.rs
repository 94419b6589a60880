//! Rules about users' requests. Listeners carry them out; `data` has the decisions.

use crate::rule::{Apply, Kind, On, Rule};

const ERRORS: &str = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html";
const HEADERS: &str = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html";
const API: &str =
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "alb-forwarded-headers",
        concerns: &[("alb", &[])],
        kind: Kind::Rewrite,
        on: On::Default,
        summary: "The load balancer appends the client's address to X-Forwarded-For, sets \
                  X-Forwarded-Proto and X-Forwarded-Port of its listener, passes a claimed \
                  X-Forwarded-Host on, and adds X-Amzn-Trace-Id.",
        source: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html",
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "alb-idle-timeout",
        concerns: &[("alb", &[])],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "A connection on which no byte passes for the idle timeout, 60 seconds unless it \
                  is set, is closed; a target that has \
                  not begun its response by then is a 504.",
        source: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html",
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "cloudfront-error-caching",
        concerns: &[("cloudfront-data", &[])],
        kind: Kind::Rewrite,
        on: On::Default,
        summary: "Error responses are cached by path for ten seconds, unless the distribution's \
                  CustomErrorResponses have another time.",
        source: ERRORS,
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "cloudfront-headers",
        concerns: &[("cloudfront-data", &[])],
        kind: Kind::Rewrite,
        on: On::Default,
        summary: "CloudFront appends to X-Forwarded-For, removes X-Forwarded-Proto, and adds Via, \
                  X-Amz-Cf-Id and X-Cache.",
        source: HEADERS,
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "cloudfront-origin-timeout",
        concerns: &[("cloudfront-data", &[])],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "An origin that has not begun its response within the distribution's read timeout, \
                  30 seconds unless it says otherwise, is a 504.",
        source: HEADERS,
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "cloudfront-repeats-requests",
        concerns: &[("cloudfront-data", &[])],
        kind: Kind::Rewrite,
        on: On::Default,
        summary: "CloudFront sends a GET or HEAD whose response is late again, up to three times \
                  unless the distribution has another number of attempts.",
        source: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html",
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "api-time-limit",
        concerns: &[("api-data", &[])],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "An integration of an HTTP API that has not responded after 30 seconds is a 503.",
        source: API,
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "api-throttling",
        concerns: &[("api-data", &[])],
        kind: Kind::Refuse,
        on: On::Scenario("api-throttled"),
        summary: "The account's requests to APIs are used up: every second request, drawn at \
                  random, is a 429.",
        source: "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html",
        apply: Apply::Elsewhere,
    },
];
