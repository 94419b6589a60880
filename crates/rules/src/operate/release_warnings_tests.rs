use super::*;

const NOW: Timestamp = Timestamp(1_772_373_600_000);

fn target(id: &str, state: &str, reason: &str, description: &str) -> TargetHealth {
    TargetHealth {
        id: id.to_owned(),
        state: state.to_owned(),
        reason: reason.to_owned(),
        description: description.to_owned(),
    }
}

fn alarm(name: &str, since: Option<u64>, reason: &str) -> Alarm {
    Alarm {
        name: name.to_owned(),
        since: since.map(Timestamp),
        reason: reason.to_owned(),
    }
}

fn states(states: &[&str]) -> Vec<TargetHealth> {
    let targets = states.iter().enumerate();
    targets
        .map(|(at, state)| target(&format!("10.0.1.{at}"), state, "", ""))
        .collect()
}

#[test]
fn words() {
    let failing = target(
        "10.0.1.5",
        "unhealthy",
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [503]",
    );
    let starting = target("10.0.1.6", "initial", "Elb.InitialHealthChecking", "");
    let alarms = [
        alarm(
            "uptime-prod-load-balancer-errors",
            Some(NOW.0 - 58 * 60_000),
            "Threshold Crossed: 1 datapoint [31.0 (01/03/26 12:55:00)] was greater than or equal to \
             the threshold (10.0).",
        ),
        alarm("uptime-prod-blue-unhealthy", Some(NOW.0 - 86_400_000), ""),
        alarm("uptime-prod-green-unhealthy", None, " "),
    ];
    let exceeded = Exceeded::check(10.0, 12.3, Some(24.456), "USD");
    let unforeseen = Exceeded::check(0.01, 0.02, None, "USD");
    let one = [target("10.0.1.4", "healthy", "", ""), failing.clone()];
    let none = [failing, starting, target("10.0.1.7", "", "", "")];
    let mut all = release_warnings(&alarms, exceeded.as_ref(), Slot::Blue, &one);
    all.extend(release_warnings(
        &[],
        unforeseen.as_ref(),
        Slot::Green,
        &none,
    ));
    let words: Vec<String> = all
        .iter()
        .map(|concern| {
            let explanation = concern.explain(NOW);
            let (what, next) = (explanation.what, explanation.next);
            format!("{}\n  {what}\n  next: {next}", concern.code())
        })
        .collect();
    insta::assert_snapshot!(words.join("\n"));
}

#[test]
fn nothing_wrong_is_no_concern() {
    assert_eq!(release_warnings(&[], None, Slot::Blue, &[]), []);
    for fine in [
        &["healthy", "healthy"][..],
        &["healthy", "initial"],
        &["healthy", "draining", "draining"],
        &["draining"],
    ] {
        assert_eq!(
            release_warnings(&[], None, Slot::Blue, &states(fine)),
            [],
            "{fine:?}"
        );
    }
}

#[test]
fn targets_count_as_what_they_are_to_users() {
    let count =
        |seen: &[&str]| match release_warnings(&[], None, Slot::Blue, &states(seen)).as_slice() {
            [ReleaseWarning::Targets { unhealthy, of, .. }] => (unhealthy.len(), *of),
            other => panic!("{seen:?}: {other:?}"),
        };
    assert_eq!(count(&["healthy", "unhealthy"]), (1, 2));
    assert_eq!(count(&["healthy", "unhealthy", "draining"]), (1, 2));
    assert_eq!(count(&["healthy", "unused", "unavailable"]), (2, 3));
    // Nobody serves, whatever the reason.
    assert_eq!(count(&["initial", "initial"]), (2, 2));
    assert_eq!(count(&["unhealthy", "initial"]), (2, 2));
}

#[test]
fn a_budget_is_exceeded_from_the_first_cent_above_it() {
    assert_eq!(Exceeded::check(10.0, 10.0, Some(90.0), "USD"), None);
    assert_eq!(Exceeded::check(10.0, 10.004, None, "USD"), None);
    assert!(Exceeded::check(10.0, 10.01, None, "USD").is_some());
    assert_eq!(Exceeded::check(f64::NAN, 10.0, None, "USD"), None);
}

#[test]
fn a_concern_survives_its_event() {
    let all = release_warnings(
        &[alarm("a", Some(1), "r")],
        Exceeded::check(1.0, 2.0, None, "USD").as_ref(),
        Slot::Green,
        &states(&["unhealthy"]),
    );
    assert_eq!(all.len(), 3);
    for concern in all {
        let text = serde_json::to_string(&concern).expect("JSON");
        let word = format!("\"concern\":\"{}\"", concern.code());
        assert!(text.contains(&word), "{text}");
        assert_eq!(
            serde_json::from_str::<ReleaseWarning>(&text).expect("itself"),
            concern
        );
    }
}
