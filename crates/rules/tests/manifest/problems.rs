//! What the user reads when something is wrong.

use super::{complaint, facts, resolve};
use rules::app::manifest::{
    AppName, Draft, EnvironmentName, Facts, HealthPath, Overrides, Problems, Region, RelativePath,
    Target,
};

#[test]
fn all_problems_are_reported_at_once() {
    insta::assert_snapshot!(complaint(
        r#"
name = "My_App"
environment = "prod--eu"
prot = 8080
target = "ecs"
region = "eu-west-2b"
port = "8080"
cpu = 300
memory = 1000
count = 0
architecture = "aarch64"
health = "healthz"
protected = ["../secret", "main.go", "./main.go", 7]
budget = -1
alarm_emails = ["me", "me@example.com"]
state = "S3"
dockerfile = "/Dockerfile"
drain_seconds = 121
log_retention_days = 10

[env]
PORT = 8080
AWS_REGION = "eu-west-2"
LANDFALL_X = "1"
"1A" = "x"
NUL = "a\u0000b"
"#
    ));
}

#[test]
fn a_secret_is_no_plain_variable_and_has_a_name() {
    insta::assert_snapshot!(complaint(
        r#"
secret_store = "ssm"
secrets = ["DATABASE_URL", "API-KEY", "AWS_KEY", "DATABASE_URL", 7]
secrets_store = "ssm"

[env]
DATABASE_URL = "postgres://"
"#
    ));
}

#[test]
fn values_of_the_wrong_kind() {
    insta::assert_snapshot!(complaint(
        r#"
name = 1
port = 80.5
cpu = true
count = [1]
env = "A=b"
protected = "main.go"
budget = "20"
alarm_emails = { me = "me@example.com" }
drain_seconds = 99999999999999999999
log_retention_days = 2026-01-01
"#
    ));
}

#[test]
fn what_a_container_may_not_be_given() {
    insta::assert_snapshot!(complaint(
        r#"
user = "root"
port = 80

[container]
user = "a b"
read_onl = true
readonlyRootFilesystem = true
privileged = true
cpu = 512
writable = ["var/cache", "/", "/a/../b", "/proc/x", "/a:b", "/.landfall", "/ok", "/ok", 7]
capabilities = ["CAP_CHOWN", "net_bind", "NET_ADMIN", "SETUID"]
no_new_privileges = "off"
"#
    ));
    insta::assert_snapshot!(complaint("container = true\n"));
}

#[test]
fn what_is_no_toml_is_one_problem() {
    let cases = [
        "name = prod",
        "name = \"prod",
        "port 80",
        "port = ",
        "[env\nA = '1'",
        "alarm_emails = ['a@b.c',\nport = 80\ncpu = 256",
        "port = 08080",
        "port = 1 \0",
        "= 1",
        "]",
    ];
    let messages: Vec<String> = cases
        .iter()
        .map(|toml| {
            let text = format!("# first line\n{toml}\n");
            let problems = resolve(&text).expect_err(toml);
            assert_eq!(problems.as_slice().len(), 1, "{toml}: {problems}");
            format!("{toml:?}\n{problems}")
        })
        .collect();
    insta::assert_snapshot!(messages.join("\n\n"));
}

#[test]
fn a_broken_line_does_not_hide_the_others() {
    insta::assert_snapshot!(complaint("port =\nprot = 1\ncpu = 1\nname = 'ok'\n"));
}

#[test]
fn a_key_that_is_set_twice() {
    insta::assert_snapshot!(complaint(
        "port = 80\nport = 81\n[env]\nA = '1'\nA = '2'\nB = 3\n[env]\nC = '1'\n"
    ));
}

#[test]
fn keys_below_the_env_header_were_meant_for_landfall() {
    insta::assert_snapshot!(complaint(
        "[env]\nA = '1'\nregion = 'eu-west-2'\nport = 80\n"
    ));
    // Elsewhere such a name is not a mistake.
    for toml in ["env = { region = 'x' }", "env.region = 'x'"] {
        assert_eq!(resolve(toml).expect(toml).env["region"], "x");
    }
}

#[test]
fn values_of_variables_are_never_shown() {
    let message =
        complaint("[env]\nTOKEN = 424242\nAWS_SECRET_ACCESS_KEY = 'geheim'\n'a b' = 'geheim'");
    assert!(
        !message.contains("4242") && !message.contains("geheim"),
        "{message}"
    );
}

#[test]
fn the_nearest_key_is_named() {
    let cases = [
        ("prot", "port"),
        ("Port", "port"),
        ("enviroment", "environment"),
        ("mem", "memory"),
        ("memory_mb", "memory"),
        ("cpus", "cpu"),
        ("protect", "protected"),
        ("alarm-emails", "alarm_emails"),
        ("email_alarms", ""),
        ("log_retention", "log_retention_days"),
        ("zzz", ""),
        ("", ""),
    ];
    for (key, meant) in cases {
        let message = complaint(&format!("\"{key}\" = 1"));
        let expected = match meant {
            "" => "the keys are name, environment".to_owned(),
            _ => format!("did you mean `{meant}`?"),
        };
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn problems_outside_the_file_have_no_line() {
    let facts = Facts {
        directory_name: "日本".to_owned(),
        ..Facts::default()
    };
    let message = |toml: Option<&str>, overrides: &Overrides| {
        let resolved = Draft::read(toml).resolve(&facts, overrides);
        resolved.expect_err("no Dockerfile").to_string()
    };
    let named = Overrides {
        name: AppName::parse("app").ok(),
        ..Overrides::default()
    };
    insta::assert_snapshot!(
        [
            message(None, &Overrides::default()),
            message(Some("cpu = 1\ndockerfile = 'x'"), &Overrides::default()),
            message(Some("cpu = 1"), &Overrides::default()),
            message(None, &named),
        ]
        .join("\n\n")
    );
}

#[test]
fn a_wrong_key_has_one_problem_only() {
    let facts = Facts {
        directory_name: "日本".to_owned(),
        dockerfile: None,
        protected: Vec::new(),
    };
    let draft = Draft::read(Some(
        "name = 'A'\ndockerfile = '/'\nport = 0\ncpu = 3\nmemory = 7",
    ));
    let problems = draft
        .resolve(&facts, &Overrides::default())
        .expect_err("four");
    let keys: Vec<_> = problems
        .as_slice()
        .iter()
        .filter_map(|p| p.key.as_deref())
        .collect();
    assert_eq!(keys, ["name", "dockerfile", "port", "cpu"]);
}

#[test]
fn names_that_are_too_long_together() {
    let messages = [
        complaint("name = 'twenty-characters-ok'"),
        complaint("\nname = 'hello-hello'\nenvironment = 'hello-hello-hi'"),
        complaint("name = 'name-of-more-than-22-characters'"),
    ];
    insta::assert_snapshot!(messages.join("\n"));
    let overrides = Overrides {
        name: AppName::parse("twenty-characters-ok").ok(),
        ..Overrides::default()
    };
    let problems = Draft::read(None)
        .resolve(&facts(), &overrides)
        .expect_err("too long");
    assert_eq!(
        problems.as_slice()[0].line,
        None,
        "nothing in the file can be changed"
    );
}

#[test]
fn texts_from_the_command_line_are_checked_too() {
    let refused: Vec<String> = [
        "a".repeat(23).parse::<AppName>().err(),
        "internal-tools".parse::<AppName>().err(),
        "a-".parse::<AppName>().err(),
        "".parse::<AppName>().err(),
        "1a".parse::<EnvironmentName>().err(),
        "prod\nx".parse::<EnvironmentName>().err(),
        "ecs".parse::<Target>().err(),
        "kubernetes".parse::<Target>().err(),
        "London".parse::<Region>().err(),
        "".parse::<Region>().err(),
        "../Dockerfile".parse::<RelativePath>().err(),
        "-".parse::<RelativePath>().err(),
        "a//b".parse::<RelativePath>().err(),
        "a\\b".parse::<RelativePath>().err(),
        "./".parse::<RelativePath>().err(),
        "/a b".parse::<HealthPath>().err(),
        format!("/{}", "x".repeat(1024)).parse::<HealthPath>().err(),
    ]
    .into_iter()
    .map(|invalid| invalid.expect("refused").to_string())
    .collect();
    insta::assert_snapshot!(refused.join("\n"));
}

#[test]
fn regions_are_known_by_their_shape() {
    for region in [
        "eu-west-2",
        "ap-southeast-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "eusc-de-east-1",
    ] {
        assert!(Region::parse(region).is_ok(), "{region}");
    }
    for no_region in [
        "eu-west",
        "eu--2",
        "EU-west-2",
        "e-west-2",
        "eu-west-2-",
        "eu-west-x",
        "eu-2",
        "-",
    ] {
        assert!(Region::parse(no_region).is_err(), "{no_region}");
    }
}

#[test]
fn numbers_have_their_limits() {
    let cases: [(&str, &[&str], &[&str]); 8] = [
        (
            "port",
            &["1", "65535", "0x1F90", "8_080"],
            &["0", "65536", "-1"],
        ),
        ("count", &["1", "10"], &["0", "11", "-9223372036854775808"]),
        (
            "budget",
            &["0", "0.0", "-0.0", "0.01", "20", "19.99", "1e3"],
            &["-0.01", "nan", "inf", "1.001", "1e9", "true"],
        ),
        ("drain_seconds", &["0", "110"], &["-1", "111"]),
        ("start_seconds", &["10", "1800"], &["9", "1801"]),
        ("request_seconds", &["1", "115"], &["0", "116"]),
        ("idle_seconds", &["1", "600"], &["0", "601"]),
        (
            "log_retention_days",
            &["1", "3653"],
            &["0", "2", "3654", "9999999999"],
        ),
    ];
    for (key, right, wrong) in cases {
        for value in right {
            assert!(
                resolve(&format!("{key} = {value}")).is_ok(),
                "{key} = {value}"
            );
        }
        for value in wrong {
            assert!(
                resolve(&format!("{key} = {value}")).is_err(),
                "{key} = {value}"
            );
        }
    }
}

#[test]
fn addresses_are_plausible() {
    for email in ["a@b.co", "first.last+tag@sub.example.com"] {
        assert!(
            resolve(&format!("alarm_emails = ['{email}']")).is_ok(),
            "{email}"
        );
    }
    for email in [
        "",
        "a",
        "@b.co",
        "a@",
        "a@b",
        "a@b..co",
        "a b@c.de",
        "a@b@c.de",
        "<a@b.co>",
        "a@b.co,c@d.ef",
        "ä@b.co",
    ] {
        assert!(
            resolve(&format!("alarm_emails = ['{email}']")).is_err(),
            "{email}"
        );
    }
    assert!(complaint("alarm_emails = ['a@b.co', 'a@b.co']").contains("twice"));
}

#[test]
fn no_problems_are_no_error() {
    assert_eq!(Problems::collect(Vec::new()), None);
}
