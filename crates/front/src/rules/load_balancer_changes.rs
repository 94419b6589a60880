//! Elastic Load Balancing: changes of listeners and rules that are late.

use super::load_balancer_shares as shares;
use crate::answer::Answer;
use crate::clock::{Lag, Moment};
use crate::request::Call;
use crate::rule::{Apply, Before, Concern, Kind, On, Rule};
use crate::state::RoutingChange;
use crate::world::{Outgoing, World};
use crate::xml;
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const RULES: &[Rule] = &[Rule {
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
}];

pub(super) const OBSERVED: &[Concern] = &[(
    "elasticloadbalancing",
    &[
        "CreateListener",
        "CreateRule",
        "DeleteListener",
        "DeleteRule",
    ],
)];

/// Until a change is in effect at the first node, and from there until it is at all.
const EFFECTIVE: Lag = Lag {
    short: (0.5, 1.5),
    real: (2.0, 10.0),
};
/// The same in the scenario `rules-very-late`.
const VERY_LATE: Lag = Lag {
    short: (14.0, 16.0),
    real: (40.0, 60.0),
};
/// Parameters that route, by the beginning of their names.
const ROUTING: [&str; 3] = ["DefaultActions", "Actions", "Conditions"];

/// The listener or rule that a call changes or deletes.
fn changed(call: &Call) -> Option<&str> {
    let name = if call.operation.ends_with("Listener") {
        "ListenerArn"
    } else {
        "RuleArn"
    };
    call.parameter(name)
}

fn list(name: &str) -> Option<&'static str> {
    let (start, _) = name.split_once('.')?;
    ROUTING.into_iter().find(|list| *list == start)
}

/// The parameters of a call that route.
fn routing(call: &Call) -> BTreeMap<String, String> {
    let parameters = call.query.iter().cloned();
    parameters
        .filter(|(name, _)| list(name).is_some())
        .collect()
}

pub(super) fn observe(world: &mut World, call: &Call, answer: &Answer) {
    let changes = &mut world.state.balancers.changes;
    if call.operation.starts_with("Delete") {
        if let Some(arn) = changed(call) {
            changes.remove(arn);
        }
        return;
    }
    let text = answer.text();
    let Ok(document) = Document::parse(&text) else {
        return;
    };
    let name = if call.operation == "CreateListener" {
        "ListenerArn"
    } else {
        "RuleArn"
    };
    let arn = xml::all(document.root(), name).next();
    if let Some(arn) = arn.and_then(|node| node.text()) {
        let change = RoutingChange {
            from: world.now,
            parameters: routing(call),
        };
        changes.insert(arn.to_owned(), vec![change]);
    }
}

/// What is in effect of the routing that a call changes; [`None`] if the call is not held back.
fn effective<'a>(world: &'a World, call: &Call) -> Option<&'a RoutingChange> {
    if !call.operation.starts_with("Modify") {
        return None;
    }
    let effective = world.state.balancers.effective(changed(call)?, world.now)?;
    let known = |wanted| {
        effective
            .parameters
            .keys()
            .any(|name| list(name) == Some(wanted))
    };
    let wanted = routing(call);
    let mut lists = wanted.keys().filter_map(|name| list(name));
    (!wanted.is_empty() && lists.all(known)).then_some(effective)
}

/// Forwards a change with the routing that is in effect, so that errors and denials are returned at
/// once.
fn hold_back(world: &mut World, call: &Call) -> Before {
    let Some(effective) = effective(world, call) else {
        return Before::Pass;
    };
    let wanted = routing(call);
    let is_wanted = |name: &str| wanted.keys().any(|other| list(other) == list(name));
    let kept = call.query.iter().filter(|(name, _)| list(name).is_none());
    let kept = kept.map(|(name, value)| (name, value));
    let present = effective
        .parameters
        .iter()
        .filter(|(name, _)| is_wanted(name));
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept.chain(present))
        .finish();
    Before::Body(body.into())
}

/// Makes an accepted change take effect late.
fn accept(world: &mut World, call: &Call) {
    let Some(arn) = changed(call).map(str::to_owned) else {
        return;
    };
    let wanted = routing(call);
    if wanted.is_empty() {
        return;
    }
    if effective(world, call).is_none() {
        // The emulator has it already.
        let change = RoutingChange {
            from: world.now,
            parameters: wanted,
        };
        world.state.balancers.changes.insert(arn, vec![change]);
        return;
    }
    let lag = match world.has("rules-very-late") {
        true => VERY_LATE,
        false => EFFECTIVE,
    };
    let first = world.delay(lag);
    let last = first + world.delay(lag);
    let now = world.now;
    let changes = world
        .state
        .balancers
        .changes
        .entry(arn.clone())
        .or_default();
    let Some(before) = changes.last().cloned() else {
        return;
    };
    let mut parameters = before.parameters.clone();
    parameters.retain(|name, _| !wanted.keys().any(|other| list(other) == list(name)));
    parameters.extend(wanted);
    // Changes take effect in the order of the calls.
    let earliest = before.from.after(Duration::from_millis(1));
    let from = now.after(last).max(earliest);
    let old = shares::read(&before.parameters);
    let new = shares::read(&parameters);
    changes.push(RoutingChange { from, parameters });
    let effective = changes.iter().rposition(|change| change.from <= now);
    changes.drain(..effective.unwrap_or(0));
    if let (Some(old), Some(new)) = (old, new)
        && call.operation == "ModifyListener"
        && old != new
    {
        let between = shares::parameters(&arn, &shares::between(&old, &new));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(between)
            .finish();
        let due = now.after(first).max(earliest).min(from);
        send(world, call, due, body.into());
    }
    send(world, call, from, call.body.clone());
}

fn send(world: &mut World, call: &Call, due: Moment, body: bytes::Bytes) {
    world.outbox.push(Outgoing {
        due,
        service: "elasticloadbalancing",
        region: call.region.clone(),
        identity: call.identity.clone(),
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

/// Shows changes as they will be.
fn show(world: &mut World, call: &Call, answer: &mut Answer) {
    if !answer.status.is_success() {
        return;
    }
    if call.operation.starts_with("Modify") {
        accept(world, call);
    }
    let pending = |arn: &str| world.state.balancers.pending(arn, world.now);
    let text = answer.text();
    let Ok(document) = Document::parse(&text) else {
        return;
    };
    let mut parts = Vec::new();
    for member in xml::all(document.root(), "member") {
        let arn = xml::child_text(member, "ListenerArn").or(xml::child_text(member, "RuleArn"));
        let change = arn.and_then(pending);
        for name in ROUTING {
            let own = change.and_then(|change| element(name, &change.parameters));
            replace(member, name, own, &mut parts);
        }
        let rule = arn.filter(|_| xml::child_text(member, "IsDefault") == Some("true"));
        let listener = rule.and_then(|rule| pending(&listener_of(rule)?));
        let actions = listener.and_then(|change| element("DefaultActions", &change.parameters));
        let actions = actions.map(|text| text.replace("DefaultActions>", "Actions>"));
        replace(member, "Actions", actions, &mut parts);
    }
    if !parts.is_empty() {
        answer.body = xml::replaced(&text, parts).into();
    }
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
        let forwarded = bench.sent(&modify("green"));
        assert!(forwarded.contains("TargetGroupArn=blue"), "{forwarded}");
        let answer = bench.call(&modify("green"), listeners("blue"));
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
        assert_eq!(sent[1].identity, "test");
        // It is shown as it will be.
        let describe = query(SERVICE, &[("Action", "DescribeListeners")]);
        let seen = bench.call(&describe, listeners("blue")).text();
        assert!(
            seen.contains("<TargetGroupArn>green</TargetGroupArn>"),
            "{seen}"
        );
        bench.pass(4);
        assert_eq!(bench.call(&describe, listeners("blue")), listeners("blue"));
        assert!(bench.sent(&modify("blue")).contains("TargetGroupArn=green"));
    }

    #[test]
    fn a_denied_change_never_takes_effect() {
        let mut bench = created();
        let denied = Answer::error(&modify("green"), 403, "AccessDenied", "no");
        assert_eq!(bench.call(&modify("green"), denied.clone()), denied);
        assert!(bench.front.own_calls().is_empty());
    }

    #[test]
    fn changes_take_effect_in_their_order() {
        let mut bench = created();
        for group in ["green", "blue", "green"] {
            bench.call(&modify(group), listeners("blue"));
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
        let header = "Conditions.member.1.HttpHeaderConfig.Values.member.1";
        let change = |operation: &str, value: &str| {
            let arn = ("RuleArn", RULE);
            query(SERVICE, &[("Action", operation), arn, (header, value)])
        };
        let unknown = bench.sent(&change("ModifyRule", "new"));
        assert!(
            unknown.contains("=new"),
            "an unknown rule is the emulator's matter: {unknown}"
        );
        bench.call(&change("CreateRule", "old"), rules.clone());
        assert!(bench.sent(&change("ModifyRule", "new")).contains("=old"));
        bench.call(&change("ModifyRule", "new"), rules.clone());
        assert_eq!(bench.front.own_calls().len(), 1);
        bench.call(&modify("green"), listeners("blue"));
        let describe = query(SERVICE, &[("Action", "DescribeRules")]);
        let seen = bench.call(&describe, rules).text();
        assert!(
            seen.contains("<Values><member>new</member></Values>"),
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
        let sent = bench.sent(&query(SERVICE, &policy));
        assert!(sent.contains("SslPolicy=x"), "{sent}");
        assert!(!sent.contains("DefaultActions"), "{sent}");
    }
}
