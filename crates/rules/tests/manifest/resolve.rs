//! What comes out when all is well, and which source wins.

use super::{complaint, facts, resolve};
use rules::app::manifest::{
    AppName, Choice, Draft, EnvironmentName, Facts, FileSum, Overrides, ProtectedFact,
    ProtectedState, Region, RelativePath, Target,
};

fn overrides() -> Overrides {
    Overrides::default()
}

#[test]
fn without_a_file_everything_has_a_default() {
    let manifest = Draft::read(None)
        .resolve(&facts(), &overrides())
        .expect("manifest");
    insta::assert_snapshot!(serde_json::to_string_pretty(&manifest).expect("JSON"));
}

#[test]
fn every_key_arrives() {
    let manifest = resolve(
        r#"
        name = "shop"
        environment = "staging"
        target = "fargate"
        needs = ["websockets", "background-work"]
        region = "us-gov-west-1"
        domain = "shop.example.com"
        port = 3000
        cpu = 1024
        memory = 4096
        count = 3
        architecture = "arm64"
        strategy = "all-at-once"
        health = "/healthz?deep=1"
        protected = []
        budget = 12.5
        alarm_emails = ["me@example.com"]
        state = "local"
        dockerfile = "./deploy/Dockerfile"
        drain_seconds = 0
        start_seconds = 600
        request_seconds = 90
        idle_seconds = 300
        log_retention_days = 365
        permissions_boundary = "team-boundary"
        role_path = "/teams/web/"
        [tags]
        team = "web"
        "cost-center" = "42"
        [container]
        user = "1000:www"
        read_only = false
        writable = ["/var/cache/shop/"]
        capabilities = ["CHOWN", "NET_BIND_SERVICE"]
        no_new_privileges = false
        [env]
        LOG_LEVEL = "info"
        _x = ""
        "#,
    )
    .expect("manifest");
    insta::assert_snapshot!(serde_json::to_string_pretty(&manifest).expect("JSON"));
}

/// The role that makes previews of `shop` may touch every name that begins with `shop-pr-`.
#[test]
fn no_other_name_looks_like_a_preview() {
    let of = |name: &str, environment: &str, settings_only| {
        let overrides = Overrides {
            settings_only,
            ..overrides()
        };
        let text = format!("name = '{name}'\nenvironment = '{environment}'\n");
        Draft::read(Some(&text)).resolve(&facts(), &overrides)
    };
    for (name, environment) in [
        ("shop", "pr-7"),
        ("pr", "prod"),
        ("prints", "pr"),
        ("shop", "a-print"),
    ] {
        assert!(of(name, environment, false).is_ok(), "{name} {environment}");
    }
    for (name, environment, fix) in [
        ("shop-pr", "prod", "`shop-pull`"),
        ("shop-pr-a", "prod", "`shop-pull-a`"),
        ("shop", "api-pr-1", "`api-pull-1`"),
    ] {
        let problems = of(name, environment, false).expect_err(name).to_string();
        assert!(problems.contains("looks like the preview"), "{problems}");
        assert!(problems.contains(fix), "{problems}");
        // What is deployed already can still be removed.
        assert!(of(name, environment, true).is_ok(), "{name} {environment}");
    }
}

#[test]
fn wrong_tags_are_all_reported() {
    let text = "[tags]\n'landfall:app' = 'x'\nTeam = 'a'\nteam = 'b'\nsize = 1\n";
    let problems = Draft::read(Some(text))
        .resolve(&facts(), &overrides())
        .expect_err("problems")
        .to_string();
    for expected in [
        "reserved",
        "differ only in case",
        "`tags.size` is a whole number",
    ] {
        assert!(problems.contains(expected), "{problems}");
    }
    let many: Vec<String> = (0..41).map(|n| format!("t{n} = 'x'")).collect();
    let text = format!("tags = {{ {} }}", many.join(", "));
    let problems = Draft::read(Some(&text)).resolve(&facts(), &overrides());
    let problems = problems.expect_err("too many").to_string();
    assert!(problems.contains("41 tags"), "{problems}");
}

/// A preview of a pull request is read from the same file, and must not take the users away.
#[test]
fn a_domain_belongs_to_one_environment() {
    let text = "environment = 'live'\ndomain = 'app.example.com'\n";
    let domain = |environment: Option<&str>| {
        let overrides = Overrides {
            environment: environment.map(|name| EnvironmentName::parse(name).expect("a name")),
            ..overrides()
        };
        let manifest = Draft::read(Some(text)).resolve(&facts(), &overrides);
        manifest
            .expect("manifest")
            .domain
            .map(|domain| domain.to_string())
    };
    assert_eq!(domain(None).as_deref(), Some("app.example.com"));
    assert_eq!(domain(Some("live")).as_deref(), Some("app.example.com"));
    assert_eq!(domain(Some("pr-7")), None);
}

#[test]
fn what_an_app_needs_sets_how_long_things_may_take() {
    let of = |text: &str| {
        let manifest = Draft::read(Some(text)).resolve(&facts(), &overrides());
        let manifest = manifest.expect("manifest");
        (manifest.request_seconds, manifest.idle_seconds)
    };
    assert_eq!(of("target = 'fargate'"), (30, 60));
    assert_eq!(of("needs = ['long-requests', 'websockets']"), (115, 600));
    assert_eq!(
        of("needs = ['long-requests']\nrequest_seconds = 90"),
        (90, 60)
    );
}

#[test]
fn the_command_line_wins_over_the_file() {
    let text = "name = 'a'\nenvironment = 'b'\nregion = 'eu-west-1'\ndockerfile = 'c'\nport = 1";
    let overrides = Overrides {
        name: AppName::parse("other").ok(),
        environment: EnvironmentName::parse("dev").ok(),
        region: Region::parse("eu-north-1").ok(),
        target: Some(Target::Fargate),
        dockerfile: RelativePath::parse("d/Dockerfile").ok(),
        prebuilt_image: false,
        settings_only: false,
    };
    let draft = Draft::read(Some(text));
    assert_eq!(draft.dockerfile(&overrides).as_str(), "d/Dockerfile");
    let manifest = draft.resolve(&facts(), &overrides).expect("manifest");
    assert_eq!(manifest.name.as_str(), "other");
    assert_eq!(manifest.environment.as_str(), "dev");
    assert_eq!(
        manifest.region.map(|r| r.to_string()).as_deref(),
        Some("eu-north-1")
    );
    assert_eq!(manifest.dockerfile.as_str(), "d/Dockerfile");
}

#[test]
fn a_directory_names_its_app() {
    let prod = EnvironmentName::default();
    let long = EnvironmentName::parse("a-very-long-environ").expect("19 characters");
    let cases = [
        ("hello", &prod, Some("hello")),
        ("Hello World", &prod, Some("hello-world")),
        ("_my__app_", &prod, Some("my-app")),
        ("café", &prod, Some("caf")),
        ("2048", &prod, Some("app-2048")),
        ("internal", &prod, Some("app-internal")),
        ("Internal-tools", &prod, Some("app-internal-tools")),
        ("internals", &prod, Some("internals")),
        (
            "a-name-that-is-far-too-long",
            &prod,
            Some("a-name-that-is-far"),
        ),
        ("hello-world", &long, Some("hell")),
        ("app.v2", &long, Some("app")),
        ("日本", &prod, None),
        ("---", &prod, None),
        ("", &prod, None),
    ];
    for (directory, environment, name) in cases {
        let found = AppName::from_directory(directory, environment);
        assert_eq!(found.as_ref().map(AppName::as_str), name, "{directory}");
    }
}

#[test]
fn cutting_a_name_never_makes_one_that_aws_refuses() {
    let environment = EnvironmentName::parse("exactly-15-char").expect("environment");
    // Eight characters remain, and `internal` alone would begin `internal-exactly-15-char`.
    assert_eq!(AppName::from_directory("internals", &environment), None);
}

#[test]
fn a_given_name_is_never_cut() {
    let draft = Draft::read(Some("name = 'twenty-characters-ok'"));
    assert!(draft.resolve(&facts(), &overrides()).is_err());
    let short = Overrides {
        environment: EnvironmentName::parse("dev").ok(),
        ..overrides()
    };
    assert!(
        draft.resolve(&facts(), &short).is_ok(),
        "20 + 1 + 3 characters fit"
    );
}

#[test]
fn memory_follows_the_cpu() {
    for (cpu, memory) in [
        (256, 512),
        (512, 1024),
        (1024, 2048),
        (2048, 4096),
        (4096, 8192),
    ] {
        let manifest = resolve(&format!("cpu = {cpu}")).expect("manifest");
        assert_eq!(manifest.memory.mib(), memory);
        let pair = resolve(&format!("memory = {memory}\ncpu = {cpu}")).expect("manifest");
        assert_eq!((pair.cpu.units(), pair.memory.mib()), (cpu, memory));
    }
}

#[test]
fn fargate_offers_just_these_sizes() {
    let sizes = |cpu: u32| -> Vec<u32> {
        (0..=40_960)
            .step_by(256)
            .filter(|mib| resolve(&format!("cpu = {cpu}\nmemory = {mib}")).is_ok())
            .collect()
    };
    let gigabytes = |range: std::ops::RangeInclusive<u32>| -> Vec<u32> {
        range.map(|gigabyte| gigabyte * 1024).collect()
    };
    assert_eq!(sizes(256), [512, 1024, 2048]);
    assert_eq!(sizes(512), gigabytes(1..=4));
    assert_eq!(sizes(1024), gigabytes(2..=8));
    assert_eq!(sizes(2048), gigabytes(4..=16));
    assert_eq!(sizes(4096), gigabytes(8..=30));
}

#[test]
fn the_port_comes_from_the_key_then_from_the_dockerfile() {
    let cases = [
        ("", "FROM a", Ok(8080)),
        ("", "FROM a\nEXPOSE 3000", Ok(3000)),
        ("", "FROM a\nEXPOSE 53/udp", Ok(8080)),
        ("port = 1234", "FROM a\nEXPOSE 3000", Ok(1234)),
        ("port = 1234", "FROM a\nEXPOSE 3000 3001 $X", Ok(1234)),
        (
            "",
            "FROM a\nEXPOSE 8080\nEXPOSE 9090",
            Err("Dockerfile exposes 8080 and 9090"),
        ),
        (
            "",
            "FROM a\nEXPOSE 1-9",
            Err("Dockerfile exposes 9 ports (1, 2, 3, 4, 5, …)"),
        ),
        (
            "",
            "FROM a\nEXPOSE $PORT",
            Err("its line 2 is `EXPOSE $PORT`"),
        ),
    ];
    for (toml, dockerfile, expected) in cases {
        let facts = Facts {
            dockerfile: Some(dockerfile.to_owned()),
            ..facts()
        };
        let resolved = Draft::read(Some(toml)).resolve(&facts, &overrides());
        match (resolved, expected) {
            (Ok(manifest), Ok(port)) => assert_eq!(manifest.port.get(), port, "{dockerfile}"),
            (Err(problems), Err(part)) => {
                let text = problems.to_string();
                assert!(text.contains(part) && text.contains("set `port`"), "{text}");
            }
            (resolved, _) => panic!("{dockerfile}: {resolved:?}"),
        }
    }
}

#[test]
fn a_prebuilt_image_needs_no_dockerfile_and_settings_alone_no_protected_files_either() {
    let draft = Draft::read(Some("protected = true"));
    let facts = Facts {
        directory_name: "hello".to_owned(),
        ..Facts::default()
    };
    let problems = |overrides: &Overrides| match draft.resolve(&facts, overrides) {
        Ok(_) => 0,
        Err(problems) => problems.as_slice().len(),
    };
    let prebuilt = Overrides {
        prebuilt_image: true,
        ..overrides()
    };
    let settings = Overrides {
        settings_only: true,
        ..overrides()
    };
    // Two protected files of which nothing is known, and no Dockerfile.
    assert_eq!(problems(&overrides()), 3);
    assert_eq!(problems(&prebuilt), 2);
    assert_eq!(problems(&settings), 0);
}

#[test]
fn protected_files_must_be_as_in_head() {
    let draft = Draft::read(Some("name = 'hello'\nprotected = true\n"));
    let paths: Vec<&str> = draft.protected().iter().map(RelativePath::as_str).collect();
    assert_eq!(paths, ["main.go", "go.mod"]);
    let resolve = |state: ProtectedState| {
        let unchanged = ProtectedFact {
            path: draft.protected()[0].clone(),
            state: ProtectedState::Unchanged,
        };
        let other = ProtectedFact {
            path: draft.protected()[1].clone(),
            state,
        };
        let facts = Facts {
            protected: vec![unchanged, other],
            ..facts()
        };
        draft.resolve(&facts, &overrides())
    };
    assert!(resolve(ProtectedState::Unchanged).is_ok());
    let bad = [
        ProtectedState::Changed {
            head: "0123456789abcdef".to_owned(),
            working: "fedcba9876543210".to_owned(),
        },
        ProtectedState::MissingInTree,
        ProtectedState::NotInHead,
        ProtectedState::NotARepository,
    ];
    let messages: Vec<String> = bad
        .into_iter()
        .map(|state| resolve(state).expect_err("not as in HEAD").to_string())
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn protected_files_must_have_their_sums() {
    let sum = FileSum::of(b"one");
    let draft = Draft::read(Some(&format!("[protected]\n\"main.go\" = \"{sum}\"\n")));
    let path = draft.protected()[0].clone();
    assert_eq!((path.as_str(), draft.sum(&path)), ("main.go", Some(&sum)));
    let resolve = |state: ProtectedState| {
        let protected = vec![ProtectedFact {
            path: path.clone(),
            state,
        }];
        let facts = Facts {
            protected,
            ..facts()
        };
        draft.resolve(&facts, &overrides())
    };
    assert!(resolve(ProtectedState::Unchanged).is_ok());
    let differs = ProtectedState::SumDiffers {
        expected: sum.clone(),
        found: FileSum::of(b"two"),
    };
    let messages: Vec<String> = [differs, ProtectedState::Absent]
        .into_iter()
        .map(|state| resolve(state).expect_err("not as it was").to_string())
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_wrong_sum_is_no_missing_one() {
    let text = "name = 'hello'\nprotected = { 'main.go' = 'abc', '../x' = '', 'go.mod' = 7 }\n";
    let problems = Draft::read(Some(text))
        .resolve(&facts(), &overrides())
        .expect_err("three problems");
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn a_command_in_a_fix_can_be_pasted() {
    let draft = Draft::read(Some(r#"protected = ["a b'; true"]"#));
    let facts = Facts {
        protected: vec![ProtectedFact {
            path: draft.protected()[0].clone(),
            state: ProtectedState::MissingInTree,
        }],
        ..facts()
    };
    let problems = draft
        .resolve(&facts, &overrides())
        .expect_err("missing file");
    let fix = &problems.as_slice()[0].fix;
    assert!(
        fix.ends_with(r"`git checkout HEAD -- 'a b'\''; true'`"),
        "{fix}"
    );
}

#[test]
fn a_file_without_a_fact_counts_as_unprotected() {
    assert!(complaint("protected = ['main.go']").contains("has not been checked"));
    let draft = Draft::read(Some("protected = false"));
    assert!(draft.protected().is_empty());
}

#[test]
fn an_app_that_fits_lambda_runs_there_by_default() {
    let chosen = |text: &str| {
        let manifest = resolve(text).expect("manifest");
        (manifest.target, manifest.choice)
    };
    assert_eq!(chosen(""), (Target::Lambda, Choice::Usual));
    assert_eq!(chosen("target = 'lambda'"), (Target::Lambda, Choice::Asked));
    assert_eq!(
        chosen("target = 'fargate'"),
        (Target::Fargate, Choice::Asked)
    );
    let unfit: Vec<String> = [
        "needs = ['websockets']",
        "needs = ['long-requests', 'background-work']",
        "edge = false",
        "count = 2",
        "cpu = 4096\nmemory = 12288",
    ]
    .iter()
    .map(|text| match chosen(text) {
        (Target::Fargate, Choice::Unfit(why)) => format!("{text:?}: {}", why.join("; ")),
        other => panic!("{text}: {other:?}"),
    })
    .collect();
    insta::assert_snapshot!(unfit.join("\n"));
}

#[test]
fn limits_of_lambda_are_found_before_anything_is_created() {
    let long = "x".repeat(3600);
    for (text, why) in [
        ("port = 80", "it listens on port 80, and on Lambda no app can listen below 1024".to_owned()),
        ("port = 9001", "it listens on port 9001, which Lambda itself uses".to_owned()),
        ("[env]\n_X = '1'", "its variable `_X` has a name that Lambda does not accept".to_owned()),
        ("[env]\nX = '1'", "its variable `X` has a name that Lambda does not accept".to_owned()),
        (
            "[env]\nLAMBDA_TASK_ROOT = '/'",
            "its variable `LAMBDA_TASK_ROOT` has a name that Lambda does not accept".to_owned(),
        ),
        (
            "secrets = ['_KEY']",
            "its variable `_KEY` has a name that Lambda does not accept".to_owned(),
        ),
        (
            "start_seconds = 121",
            "`start_seconds` is 121, and on Lambda a request waits 30 seconds for an instance that starts".to_owned(),
        ),
        (
            "request_seconds = 31",
            "`request_seconds` is 31, and on Lambda a response has 30 seconds".to_owned(),
        ),
        (
            "idle_seconds = 61",
            "`idle_seconds` is 61, and on Lambda no connection stays open".to_owned(),
        ),
        (
            &format!("[env]\nLONG = '{long}'"),
            "its environment variables have 3604 bytes with their names, and Lambda leaves 3584 to an app"
                .to_owned(),
        ),
    ] {
        let manifest = resolve(text).expect(text);
        assert_eq!(manifest.target, Target::Fargate, "{text}");
        assert_eq!(manifest.choice, Choice::Unfit(vec![why.clone()]), "{text}");
        let refused = complaint(&format!("target = 'lambda'\n{text}"));
        assert!(refused.contains(&why), "{refused}");
    }
    for text in ["port = 1024", "port = 3000", "[env]\nXY = '1'"] {
        assert_eq!(resolve(text).expect(text).target, Target::Lambda, "{text}");
    }
}

#[test]
fn lambda_is_refused_where_it_cannot_run_the_app() {
    let text = "target = 'lambda'\nneeds = ['websockets']\ncount = 3";
    insta::assert_snapshot!(complaint(text));
}

#[test]
fn a_container_that_may_more_than_lambda_allows_runs_on_fargate() {
    for (text, why) in [
        (
            "user = \"root\"",
            "it runs as root, which Lambda does not allow",
        ),
        (
            "read_only = false",
            "it writes outside /tmp, which Lambda does not allow",
        ),
        (
            "writable = [\"/var/cache\"]",
            "it writes outside /tmp, which Lambda does not allow",
        ),
        (
            "capabilities = [\"CHOWN\"]",
            "it keeps `capabilities`, and Lambda grants none",
        ),
    ] {
        let manifest = resolve(&format!("[container]\n{text}\n")).expect(text);
        assert_eq!(
            manifest.choice,
            Choice::Unfit(vec![why.to_owned()]),
            "{text}"
        );
        let asked = format!("target = \"lambda\"\n[container]\n{text}\n");
        let refused = resolve(&asked).expect_err(text).to_string();
        assert!(refused.contains(why), "{refused}");
    }
    for text in [
        "user = \"1000\"",
        "writable = [\"/tmp\"]",
        "no_new_privileges = false",
    ] {
        let manifest = resolve(&format!("[container]\n{text}\n")).expect(text);
        assert_eq!(manifest.target, Target::Lambda, "{text}");
    }
}
