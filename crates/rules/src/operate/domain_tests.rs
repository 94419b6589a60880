use super::*;
use proptest::prelude::*;

fn domain() -> Domain {
    Domain::parse("app.example.com").expect("a domain")
}

fn servers(of: &str) -> Vec<String> {
    (1..=4).map(|n| format!("ns-{n}.{of}")).collect()
}

fn zone_of(name: &str, id: &str) -> Zone {
    Zone {
        name: name.to_owned(),
        id: id.to_owned(),
        name_servers: servers(&format!("{}.awsdns.org", id.to_lowercase())),
    }
}

/// What public DNS returns for the two names, the nearest first.
fn public(own: Public, whole: Public) -> Result<Vec<(String, Public)>, Unavailable> {
    Ok(vec![
        ("app.example.com".to_owned(), own),
        ("example.com".to_owned(), whole),
    ])
}

fn survey(zones: &[Zone], public: Result<Vec<(String, Public)>, Unavailable>) -> Survey {
    Survey {
        domain: domain(),
        zones: zones.to_vec(),
        public,
        resolver: "192.0.2.53".to_owned(),
        caa: None,
        records: Vec::new(),
        own: BTreeSet::new(),
        set_up_in: None,
    }
}

fn of(zone: &Zone) -> Public {
    Public::Servers(zone.name_servers.clone())
}

fn others() -> Public {
    Public::Servers(servers("registrar.example"))
}

fn described(check: &Check) -> String {
    let mut lines = vec![format!("{:?}: {}", check.outcome, check.what)];
    lines.extend(check.why.iter().map(|line| format!("  why: {line}")));
    lines.extend(check.fix.iter().map(|line| format!("  fix: {line}")));
    lines.join("\n")
}

#[test]
fn each_case_has_a_remedy() {
    let (whole, own) = (
        zone_of("example.com", "ZWHOLE"),
        zone_of("app.example.com", "ZOWN"),
    );
    let second = zone_of("example.com", "ZSECOND");
    let mut mixed = whole.name_servers.clone();
    mixed[0] = "ns.old.example".to_owned();
    let fails = || Public::Fails("SERVFAIL".to_owned());
    let unknown = || {
        Err(Unavailable::Unknown(
            "192.0.2.53 does not answer".to_owned(),
        ))
    };
    let cases = [
        (
            "delegated",
            survey(
                std::slice::from_ref(&whole),
                public(Public::Nothing, of(&whole)),
            ),
        ),
        (
            "delegated alone",
            survey(&[own.clone(), whole.clone()], public(of(&own), others())),
        ),
        (
            "the second of two",
            survey(
                &[whole.clone(), second.clone()],
                public(Public::Nothing, of(&second)),
            ),
        ),
        // The closer zone is not delegated, so the records go where public DNS looks.
        (
            "another zone without delegation",
            survey(
                &[own.clone(), whole.clone()],
                public(Public::Nothing, of(&whole)),
            ),
        ),
        (
            "mixed",
            survey(
                std::slice::from_ref(&whole),
                public(Public::Nothing, Public::Servers(mixed)),
            ),
        ),
        (
            "no zone, nothing registered",
            survey(&[], public(Public::Nothing, Public::Nothing)),
        ),
        (
            "no zone, DNS elsewhere",
            survey(&[], public(Public::Nothing, others())),
        ),
        (
            "not registered",
            survey(
                std::slice::from_ref(&whole),
                public(Public::Nothing, Public::Nothing),
            ),
        ),
        (
            "DNS elsewhere",
            survey(
                std::slice::from_ref(&whole),
                public(Public::Nothing, others()),
            ),
        ),
        (
            "servers of a zone that is gone",
            survey(
                std::slice::from_ref(&whole),
                public(Public::Nothing, fails()),
            ),
        ),
        (
            "a part not given",
            survey(
                std::slice::from_ref(&own),
                public(Public::Nothing, others()),
            ),
        ),
        (
            "a part given away",
            survey(std::slice::from_ref(&whole), public(others(), of(&whole))),
        ),
        ("not seen", survey(std::slice::from_ref(&whole), unknown())),
        (
            "not asked",
            survey(
                std::slice::from_ref(&whole),
                Err(Unavailable::Skipped(
                    "emulators have no public DNS".to_owned(),
                )),
            ),
        ),
        (
            "two, and not seen",
            survey(&[whole.clone(), second], unknown()),
        ),
    ];
    let shown: Vec<String> = cases
        .iter()
        .map(|(case, survey)| {
            let into = zone(survey).map_or("none", |zone| &zone.id);
            format!("{case} (zone {into})\n{}", described(&delegated(survey)))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

/// A resolver that fails for an hour stops no release, and moves no record.
#[test]
fn a_domain_that_is_set_up_keeps_its_zone_and_gets_only_warnings() {
    let (whole, second) = (
        zone_of("example.com", "ZWHOLE"),
        zone_of("example.com", "ZSECOND"),
    );
    let fails = Public::Fails("SERVFAIL".to_owned());
    let set_up = |zones: &[Zone], answer: Public| Survey {
        set_up_in: Some("ZWHOLE".to_owned()),
        ..survey(zones, public(Public::Nothing, answer))
    };
    let broken = set_up(std::slice::from_ref(&whole), fails);
    let outcomes: Vec<Outcome> = checks(&broken).iter().map(|check| check.outcome).collect();
    assert_eq!(outcomes, [Outcome::Warning]);
    assert_eq!(zone(&broken), Some(&whole));

    let moved = set_up(&[whole.clone(), second.clone()], of(&second));
    assert_eq!(zone(&moved), Some(&whole));
    insta::assert_snapshot!(described(&checks(&moved)[0]));

    // The zone is gone, and with it what was in it.
    let gone = set_up(std::slice::from_ref(&second), of(&second));
    assert_eq!(zone(&gone), Some(&second));
}

#[test]
fn records_of_others_are_not_overwritten() {
    let whole = zone_of("example.com", "ZWHOLE");
    let mut survey = survey(
        std::slice::from_ref(&whole),
        public(Public::Nothing, of(&whole)),
    );
    let record = |kind: &str, leads_to: &str| Record {
        kind: kind.to_owned(),
        leads_to: leads_to.to_owned(),
    };
    survey.records = vec![
        ("ZWHOLE".to_owned(), record("A", "d1.cloudfront.net")),
        // Of a zone that does not count.
        ("ZOTHER".to_owned(), record("A", "192.0.2.9")),
    ];
    survey.own = ["d1.cloudfront.net".to_owned()].into();
    assert_eq!(checks(&survey).len(), 1);
    survey.own.clear();
    survey
        .records
        .push(("ZWHOLE".to_owned(), record("AAAA", "2001:db8::1")));
    let all = checks(&survey);
    assert_eq!(all.len(), 2);
    insta::assert_snapshot!(described(&all[1]));
}

#[test]
fn caa_records_that_forbid_acm_are_reported() {
    let whole = zone_of("example.com", "ZWHOLE");
    let mut survey = survey(
        std::slice::from_ref(&whole),
        public(Public::Nothing, of(&whole)),
    );
    let mut with = |records: &[(&str, &str)]| {
        let records = records.iter().map(|(tag, value)| Caa {
            tag: (*tag).to_owned(),
            value: (*value).to_owned(),
        });
        survey.caa = Some(("example.com".to_owned(), records.collect()));
        forbids_aws(&survey).map(|check| described(&check))
    };
    assert_eq!(with(&[]), None);
    assert_eq!(with(&[("iodef", "mailto:a@example.com")]), None);
    assert_eq!(
        with(&[("issue", "letsencrypt.org"), ("issue", " Amazon.com; x=1")]),
        None
    );
    // Wildcards alone are none of ours.
    assert_eq!(with(&[("issuewild", ";")]), None);
    let others = with(&[("issue", "letsencrypt.org"), ("issue", "pki.goog")]);
    let no_issuer = with(&[("issue", ";")]);
    insta::assert_snapshot!(format!(
        "{}\n\n{}",
        others.expect("refused"),
        no_issuer.expect("refused")
    ));
}

fn any_public() -> impl Strategy<Value = Public> {
    prop_oneof![
        Just(Public::Nothing),
        Just(Public::Fails("SERVFAIL".to_owned())),
        Just(of(&zone_of("x", "ZA"))),
        Just(of(&zone_of("x", "ZB"))),
        Just(others()),
    ]
}

proptest! {
    /// The check passes only where public DNS delegates to exactly that zone, whatever other zones exist.
    #[test]
    fn only_a_delegated_zone_is_accepted(
        names in proptest::collection::vec(prop_oneof!["app.example.com", "example.com"], 0..4),
        own in any_public(),
        whole in any_public(),
    ) {
        let ids = ["ZA", "ZB", "ZC", "ZD"];
        let zones: Vec<Zone> = names.iter().zip(ids).map(|(name, id)| zone_of(name, id)).collect();
        let survey = survey(&zones, public(own.clone(), whole.clone()));
        let check = delegated(&survey);
        let nearest = match own { Public::Nothing => &whole, _ => &own };
        match delegation(&survey) {
            Delegation::Delegated(zone) => {
                prop_assert_eq!(check.outcome, Outcome::Ok);
                prop_assert_eq!(nearest, &of(zone));
            }
            _ => {
                prop_assert!(check.exit().is_some());
                prop_assert!(!check.fix.is_empty());
            }
        }
        // The name servers to set are those of the zone.
        if let Some(zone) = zone(&survey) && let Delegation::Elsewhere(..) = delegation(&survey) {
            let why = check.why.join("\n");
            prop_assert!(zone.name_servers.iter().all(|server| why.contains(server)));
        }
    }
}

#[test]
fn response_codes_of_public_dns() {
    let some = || vec!["ns2".to_owned(), "ns1".to_owned(), "ns2".to_owned()];
    let sorted = Public::Servers(vec!["ns1".to_owned(), "ns2".to_owned()]);
    assert_eq!(Public::from_answer(0, some()), Some(sorted));
    for code in [0, 3] {
        let nothing = Public::from_answer(code, Vec::new());
        assert_eq!(nothing, Some(Public::Nothing), "response code {code}");
    }
    let fails = |why: &str| Some(Public::Fails(why.to_owned()));
    assert_eq!(Public::from_answer(2, Vec::new()), fails("SERVFAIL"));
    let other = Public::from_answer(4, Vec::new());
    assert_eq!(other, fails("response code 4"));
    assert_eq!(Public::from_answer(5, Vec::new()), None, "it refuses");
}
