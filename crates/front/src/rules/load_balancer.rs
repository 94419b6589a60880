//! Elastic Load Balancing: an account that may not create load balancers, and changes that are late.

use super::load_balancer_shares as shares;
use crate::answer::Answer;
use crate::clock::{Lag, Moment};
use crate::request::Call;
use crate::rule::{Apply, Before, Concern, Kind, On, Rule};
use crate::state::PendingChange;
use crate::world::{Outgoing, World};
use crate::xml;
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "alb-account-not-verified",
        concerns: &[("elasticloadbalancing", &["CreateLoadBalancer"])],
        kind: Kind::Refuse,
        on: On::Scenario("alb-not-verified"),
        summary: "Some new accounts may not create load balancers until AWS Support has verified \
                  them.",
        source: "reports of OperationNotPermitted from CreateLoadBalancer in new accounts",
        apply: Apply::Request(refused),
    },
    Rule {
        id: "alb-rules-late",
        concerns: &[(
            "elasticloadbalancing",
            &[
                "DescribeListeners",
                "DescribeRules",
                "ModifyListener",
                "ModifyRule",
            ],
        )],
        kind: Kind::Delay,
        on: On::Default,
        summary: "Changed rules and weights take effect some seconds after the call that changes \
                  them, weights at half of the nodes first.",
        source: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-rule.html",
        apply: Apply::Both(hold_back, show),
    },
];

pub(super) const OBSERVED: &[Concern] = &[(
    "elasticloadbalancing",
    &[
        "CreateListener",
        "CreateRule",
        "DeleteListener",
        "DeleteRule",
        "DescribeListeners",
        "DescribeRules",
        "ModifyListener",
    ],
)];

/// Until a change is in effect at the first node, and from there until it is at all.
const EFFECTIVE: Lag = Lag {
    short: (0.5, 1.5),
    real: (2.0, 10.0),
};

fn refused(_: &mut World, call: &Call) -> Before {
    let message = "This AWS account currently does not support creating load balancers. For more \
                   information, please contact AWS Support.";
    Before::Answer(Answer::error(call, 400, "OperationNotPermitted", message))
}

/// The listener or rule that a call changes or deletes.
fn changed(call: &Call) -> Option<&str> {
    let name = if call.operation.ends_with("Listener") {
        "ListenerArn"
    } else {
        "RuleArn"
    };
    call.parameter(name)
}

pub(super) fn observe(world: &mut World, call: &Call, answer: &Answer) {
    let balancers = &mut world.state.balancers;
    if call.operation.starts_with("Delete") {
        if let Some(arn) = changed(call) {
            balancers.known.remove(arn);
            balancers.pending.remove(arn);
            balancers.shares.remove(arn);
        }
        return;
    }
    let text = answer.text();
    let Ok(document) = Document::parse(&text) else {
        return;
    };
    let listeners = xml::all(document.root(), "ListenerArn");
    let rules = xml::all(document.root(), "RuleArn");
    let arns: Vec<String> = listeners
        .chain(rules)
        .filter_map(|node| node.text().map(str::to_owned))
        .collect();
    if call.operation.ends_with("Listener")
        && let Some(shares) = shares::read(&call.query.iter().cloned().collect())
        && let Some(listener) = arns.first()
    {
        balancers.shares.insert(listener.clone(), shares);
    }
    balancers.known.extend(arns);
}

fn hold_back(world: &mut World, call: &Call) -> Before {
    let parameters: BTreeMap<String, String> = call.query.iter().cloned().collect();
    let has = |start: &str| parameters.keys().any(|name| name.starts_with(start));
    let is_routing = has("DefaultActions.") || has("Actions.") || has("Conditions.");
    let Some(arn) = changed(call).map(str::to_owned) else {
        return Before::Pass;
    };
    if !call.operation.starts_with("Modify")
        || !is_routing
        || !world.state.balancers.known.contains(&arn)
    {
        return Before::Pass;
    }
    let first = world.delay(EFFECTIVE);
    let last = first + world.delay(EFFECTIVE);
    let pending = world.state.balancers.pending.get(&arn).cloned();
    // Changes take effect in the order of the calls.
    let earliest = pending
        .as_ref()
        .map_or(Moment::default(), |change| change.until);
    let earliest = earliest.after(Duration::from_millis(1));
    let until = world.now.after(last).max(earliest);
    let old = world.state.balancers.shares.get(&arn).cloned();
    let new = shares::read(&parameters);
    if let (Some(old), Some(new)) = (&old, &new)
        && call.operation == "ModifyListener"
        && old != new
    {
        let between = shares::parameters(&arn, &shares::between(old, new));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(between)
            .finish();
        let due = world.now.after(first).max(earliest).min(until);
        send(world, call, due, body.into());
    }
    send(world, call, until, call.body.clone());
    let balancers = &mut world.state.balancers;
    if let Some(new) = new {
        balancers.shares.insert(arn.clone(), new);
    }
    let mut all = pending
        .filter(|change| world.now < change.until)
        .map_or_else(BTreeMap::new, |change| change.parameters);
    for list in ["DefaultActions.", "Actions.", "Conditions."] {
        if has(list) {
            all.retain(|name, _| !name.starts_with(list));
        }
    }
    all.extend(parameters);
    let answer = accepted(call, &arn, &all);
    let change = PendingChange {
        until,
        parameters: all,
    };
    balancers.pending.insert(arn, change);
    Before::Answer(answer)
}

fn send(world: &mut World, call: &Call, due: Moment, body: bytes::Bytes) {
    world.outbox.push(Outgoing {
        due,
        service: "elasticloadbalancing",
        region: call.region.clone(),
        target: None,
        content_type: "application/x-www-form-urlencoded",
        body,
    });
}

/// `<NAME>…</NAME>` for the parameters that begin with `NAME.`.
fn element(name: &str, parameters: &BTreeMap<String, String>) -> Option<String> {
    let start = format!("{name}.");
    let inner: Vec<(&str, &str)> = parameters
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(&start)?, value.as_str())))
        .collect();
    let text = xml::of_parameters(&inner);
    (!inner.is_empty()).then(|| format!("<{name}>{text}</{name}>"))
}

/// The response to a change that is held back.
fn accepted(call: &Call, arn: &str, parameters: &BTreeMap<String, String>) -> Answer {
    let operation = call.operation.as_str();
    let (list, name) = if operation == "ModifyListener" {
        ("Listeners", "ListenerArn")
    } else {
        ("Rules", "RuleArn")
    };
    let parts = ["DefaultActions", "Actions", "Conditions"].map(|part| element(part, parameters));
    let parts: String = parts.into_iter().flatten().collect();
    let body = format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <{operation}Result><{list}><member><{name}>{}</{name}>{parts}</member></{list}>\
         </{operation}Result><ResponseMetadata>\
         <RequestId>f7a1e000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>\
         </{operation}Response>",
        xml::escaped(arn)
    );
    Answer::new(200, "text/xml", body)
}

/// Shows changes as they will be.
fn show(world: &mut World, _: &Call, answer: &mut Answer) {
    let now = world.now;
    let pending = &mut world.state.balancers.pending;
    pending.retain(|_, change| now < change.until);
    if pending.is_empty() || !answer.status.is_success() {
        return;
    }
    let text = answer.text();
    let Ok(document) = Document::parse(&text) else {
        return;
    };
    let mut parts = Vec::new();
    for member in xml::all(document.root(), "member") {
        let arn = xml::child_text(member, "ListenerArn").or(xml::child_text(member, "RuleArn"));
        let change = arn.and_then(|arn| pending.get(arn));
        let listener = arn.filter(|_| xml::child_text(member, "IsDefault") == Some("true"));
        let of_listener = listener.and_then(|rule| pending.get(&listener_of(rule)?));
        for name in ["DefaultActions", "Actions", "Conditions"] {
            let own = change.and_then(|change| element(name, &change.parameters));
            replace(member, name, own, &mut parts);
        }
        let actions = of_listener.and_then(|change| element("DefaultActions", &change.parameters));
        let actions = actions.map(|text| text.replace("DefaultActions>", "Actions>"));
        replace(member, "Actions", actions, &mut parts);
    }
    answer.body = xml::replaced(&text, parts).into();
}

fn replace(
    member: Node<'_, '_>,
    name: &str,
    text: Option<String>,
    parts: &mut Vec<(std::ops::Range<usize>, String)>,
) {
    if let (Some(text), Some(element)) = (text, xml::child(member, name)) {
        parts.push((element.range(), text));
    }
}

/// The ARN of a rule's listener.
fn listener_of(rule: &str) -> Option<String> {
    let (listener, _) = rule.rsplit_once('/')?;
    Some(listener.replace(":listener-rule/", ":listener/"))
}

#[cfg(test)]
mod tests {
    use crate::answer::Answer;
    use crate::request::Call;
    use crate::rules::testing::{Bench, query};

    const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:1:listener/app/a/1/2";
    const RULE: &str = "arn:aws:elasticloadbalancing:us-east-1:1:listener-rule/app/a/1/2/3";
    const SERVICE: &str = "elasticloadbalancing";

    #[test]
    fn an_unverified_account_has_no_load_balancers() {
        let create = query(SERVICE, &[("Action", "CreateLoadBalancer")]);
        assert_eq!(Bench::new().refusal(&create), None);
        let (status, text) = Bench::of("alb-not-verified")
            .refusal(&create)
            .expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.contains("OperationNotPermitted"), "{text}");
    }

    fn listeners(group: &str) -> Answer {
        let text = format!(
            "<R><Listeners><member><ListenerArn>{LISTENER}</ListenerArn><DefaultActions><member>\
             <TargetGroupArn>{group}</TargetGroupArn></member></DefaultActions></member>\
             </Listeners></R>"
        );
        Answer::new(200, "text/xml", text)
    }

    fn modify(group: &str) -> Call {
        query(
            SERVICE,
            &[
                ("Action", "ModifyListener"),
                ("ListenerArn", LISTENER),
                ("DefaultActions.member.1.Type", "forward"),
                ("DefaultActions.member.1.TargetGroupArn", group),
            ],
        )
    }

    fn created() -> Bench {
        let mut bench = Bench::new();
        let create = query(
            SERVICE,
            &[
                ("Action", "CreateListener"),
                ("DefaultActions.member.1.Type", "forward"),
                ("DefaultActions.member.1.TargetGroupArn", "blue"),
            ],
        );
        bench.call(&create, listeners("blue"));
        bench
    }

    #[test]
    fn weights_change_late_and_at_half_of_the_nodes_first() {
        let mut bench = created();
        let answer = bench.call(&modify("green"), Answer::new(500, "text/xml", ""));
        assert_eq!(answer.status.as_u16(), 200, "it is not forwarded");
        assert!(
            answer
                .text()
                .contains("<TargetGroupArn>green</TargetGroupArn>")
        );
        let sent = bench.front.own_calls();
        assert_eq!(sent.len(), 2);
        assert!(bench.now < sent[0].due && sent[0].due < sent[1].due);
        let half = String::from_utf8_lossy(&sent[0].body).into_owned();
        assert!(half.contains("member.1.TargetGroupArn=blue"), "{half}");
        assert!(half.contains("member.2.TargetGroupArn=green"), "{half}");
        assert_eq!(half.matches("Weight=1").count(), 2, "{half}");
        assert_eq!(sent[1].body, modify("green").body);
        // It is shown as it will be.
        let describe = query(SERVICE, &[("Action", "DescribeListeners")]);
        let seen = bench.call(&describe, listeners("blue")).text();
        assert!(
            seen.contains("<TargetGroupArn>green</TargetGroupArn>"),
            "{seen}"
        );
        bench.pass(4);
        assert_eq!(bench.call(&describe, listeners("blue")), listeners("blue"));
    }

    #[test]
    fn changes_take_effect_in_their_order() {
        let mut bench = created();
        for group in ["green", "blue", "green"] {
            bench.call(&modify(group), listeners(group));
        }
        let sent = bench.front.own_calls();
        assert!(
            sent.windows(2).all(|pair| pair[0].due <= pair[1].due),
            "{sent:?}"
        );
        assert_eq!(sent.last().expect("a call").body, modify("green").body);
    }

    #[test]
    fn conditions_of_a_rule_change_late() {
        let mut bench = created();
        let rules = format!(
            "<R><Rules><member><RuleArn>{RULE}</RuleArn><Conditions><member>old</member>\
             </Conditions><IsDefault>false</IsDefault></member><member><RuleArn>{RULE}d</RuleArn>\
             <Actions>old</Actions><IsDefault>true</IsDefault></member></Rules></R>"
        );
        let rules = Answer::new(200, "text/xml", rules);
        let describe = query(SERVICE, &[("Action", "DescribeRules")]);
        let change = query(
            SERVICE,
            &[
                ("Action", "ModifyRule"),
                ("RuleArn", RULE),
                ("Conditions.member.1.Field", "http-header"),
                (
                    "Conditions.member.1.HttpHeaderConfig.Values.member.1",
                    "secret",
                ),
            ],
        );
        assert_eq!(
            bench.refusal(&change),
            None,
            "an unknown rule is the emulator's matter"
        );
        bench.call(&describe, rules.clone());
        bench.call(&change, Answer::new(500, "text/xml", ""));
        assert_eq!(bench.front.own_calls().len(), 1);
        bench.call(&modify("green"), listeners("green"));
        let seen = bench.call(&describe, rules).text();
        assert!(
            seen.contains("<Values><member>secret</member></Values>"),
            "{seen}"
        );
        assert!(
            seen.contains("<Actions><member><TargetGroupArn>green"),
            "{seen}"
        );
    }

    #[test]
    fn other_changes_of_a_listener_are_forwarded() {
        let mut bench = created();
        let policy = [
            ("Action", "ModifyListener"),
            ("ListenerArn", LISTENER),
            ("SslPolicy", "x"),
        ];
        assert_eq!(bench.refusal(&query(SERVICE, &policy)), None);
    }
}
