//! What holds for every text.

use super::{facts, resolve};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rules::app::dockerfile::{exposed_ports, final_user};
use rules::app::manifest::{
    AppName, Architecture, Capability, Choice, Container, Count, Cpu, Domain, Draft,
    EnvironmentName, Facts, HealthPath, LOG_RETENTION_DAYS, MAX_DRAIN_SECONDS, Manifest, Memory,
    Need, Overrides, PermissionsBoundary, Port, ProtectedFact, ProtectedState, Region,
    RelativePath, RolePath, SecretName, SecretsStore, StateBackend, Target, User, WritablePath,
};

/// Pieces of settings, in any order: far more of them get past TOML than of arbitrary text.
const TOML: &str = "port|name|env|cpu|memory|protected|prot|budget| = |=|\n|\n|[env]\n|[|]|\
    [[env]]\n|[container]\n|user|writable|{|}|\"|'|\"\"\"|true|8080|-1|1.5|nan|\"a\"|\"main.go\"|\"é\"|.|,|#| |\\|\0|\r|\
    2026-01-01|0x|A|AWS_X";

/// Likewise for Dockerfiles.
const DOCKERFILE: &str = "FROM a\n|FROM a AS b\n|FROM b\n|FROM $A\n|\nEXPOSE |\nENV |\nARG |\
    \nUSER |\nRUN |<<|-|EOF|A|=|$|${|}|:-|:+|80|/tcp|/udp|\"|'|\\|`|\n| |#|# escape=`\n|é|\r\n|\t";

fn any_of(pieces: &'static str) -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = pieces.split('|').collect();
    vec(select(pieces), 0..40).prop_map(|chosen| chosen.concat())
}

fn containers() -> impl Strategy<Value = Container> {
    let user = option::of(select(vec!["root", "1000:1000", "node", "0:www-data"]));
    let paths = select(vec![&[][..], &["/var/cache/x"], &["/tmp", "/data/a.b"]]);
    let capabilities = proptest::sample::subsequence(Capability::ALL.to_vec(), 0..4);
    (user, any::<(bool, bool)>(), paths, capabilities).prop_map(
        |(user, (read_only, no_new_privileges), paths, capabilities)| Container {
            user: user.and_then(|user| User::parse(user).ok()),
            read_only,
            writable: paths
                .iter()
                .filter_map(|path| WritablePath::parse(path).ok())
                .collect(),
            capabilities,
            no_new_privileges,
        },
    )
}

/// None of these names is one that `env` may get below.
fn secrets() -> impl Strategy<Value = (Vec<SecretName>, SecretsStore)> {
    let names = btree_set("L[a-z0-9_]{0,8}", 0..4).prop_map(|names| {
        let names = names.iter().map(|name| SecretName::parse(name));
        names.filter_map(Result::ok).collect()
    });
    (names, select(&SecretsStore::ALL[..]))
}

fn check_any(toml: &str, directory: &str, dockerfile: &str) -> Result<(), TestCaseError> {
    let draft = Draft::read(Some(toml));
    let facts = Facts {
        directory_name: directory.to_owned(),
        dockerfile: Some(dockerfile.to_owned()),
        protected: Vec::new(),
    };
    final_user(dockerfile);
    exposed_ports(dockerfile);
    match draft.resolve(&facts, &Overrides::default()) {
        Ok(manifest) => {
            let stem = format!("{}-{}", manifest.name, manifest.environment);
            prop_assert!(stem.len() <= 24, "{stem}");
            prop_assert!(AppName::parse(manifest.name.as_str()).is_ok(), "{stem}");
        }
        Err(problems) => {
            let lines = toml.split('\n').count();
            prop_assert!(!problems.as_slice().is_empty());
            for problem in problems.as_slice() {
                prop_assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)));
                prop_assert!(!problem.what.contains('\n') && !problem.why.contains('\n'));
            }
            prop_assert!(
                problems
                    .as_slice()
                    .is_sorted_by_key(|p| p.line.unwrap_or(usize::MAX))
            );
        }
    }
    Ok(())
}

/// Manifests whose values are all allowed. Written apart from the code under test where that is
/// possible, by regular expression.
fn manifests() -> impl Strategy<Value = Manifest> {
    let names = (
        "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4}){0,2}",
        "[a-z][a-z0-9]{0,4}",
    );
    let size = prop_oneof![
        (Just(256), select(vec![512, 1024, 2048])),
        (
            Just(512),
            (1..=4_i64).prop_map(|gigabytes| gigabytes * 1024)
        ),
        (
            Just(4096),
            (8..=30_i64).prop_map(|gigabytes| gigabytes * 1024)
        ),
    ];
    let paths = vec("[a-z]{1,8}(/[a-zA-Z0-9_.]{0,3}[a-z]){0,2}", 0..4).prop_map(|mut paths| {
        paths.sort();
        paths.dedup();
        paths
    });
    let machine = (
        1..=65_535_i64,
        size,
        1..=10_i64,
        any::<bool>(),
        any::<bool>(),
    );
    let texts = (
        btree_map("[B-KM-Z_][A-Za-z0-9_]{0,8}", any::<String>(), 0..4),
        "/[a-z0-9/?=&%._~-]{0,20}",
        paths,
        select(vec!["eu-west-2", "us-gov-east-1", "ap-southeast-4"]),
    );
    let domain = option::of("[a-z0-9]{1,8}(\\.[a-z][a-z0-9]{0,8}){1,3}");
    let rest = (
        option::of(0..10_000_000_u32),
        option::of("[a-z.]{1,5}@[a-z]{1,5}\\.org"),
        0..=MAX_DRAIN_SECONDS,
        select(&LOG_RETENTION_DAYS[..]),
        any::<(bool, bool)>(),
        (containers(), secrets()),
        select(vec![
            &[][..],
            &[Need::Websockets],
            &[Need::LongRequests, Need::BackgroundWork],
        ]),
    );
    (names, machine, texts, rest, domain).prop_filter_map("names fit together", |parts| {
        let ((name, environment), machine, (mut env, health, paths, region), rest, domain) = parts;
        let (port, (cpu, memory), count, arm, local) = machine;
        let (
            cents,
            email,
            drain_seconds,
            log_retention_days,
            (any_region, edge),
            (container, (secrets, secrets_store)),
            needs,
        ) = rest;
        for value in env.values_mut() {
            value.retain(|c| c != '\0');
        }
        let protected: Result<_, _> = paths.iter().map(|path| RelativePath::parse(path)).collect();
        let cpu = Cpu::new(cpu).ok()?;
        Some(Manifest {
            name: AppName::parse(&name).ok()?,
            environment: EnvironmentName::parse(&environment).ok()?,
            target: Target::Fargate,
            choice: Choice::Asked,
            needs: needs.to_vec(),
            region: any_region.then(|| Region::parse(region).ok()).flatten(),
            domain: domain.and_then(|domain| Domain::parse(&domain).ok()),
            port: Port::new(port).ok()?,
            cpu,
            memory: Memory::new(memory, cpu).ok()?,
            count: Count::new(count).ok()?,
            architecture: if arm {
                Architecture::Arm64
            } else {
                Architecture::X86_64
            },
            strategy: rules::app::manifest::Strategy::Manual,
            env,
            secrets,
            secrets_store,
            container,
            edge,
            health: HealthPath::parse(&health).ok()?,
            protected: protected.ok()?,
            budget: cents.map(|cents| f64::from(cents) / 100.0),
            allow: Vec::new(),
            alarm_emails: email.into_iter().collect(),
            state: if local {
                StateBackend::Local
            } else {
                StateBackend::S3
            },
            dockerfile: RelativePath::parse("build/Dockerfile").ok()?,
            drain_seconds,
            start_seconds: 600,
            request_seconds: 90,
            idle_seconds: 300,
            log_retention_days,
            tags: [("team".to_owned(), format!("web {drain_seconds}"))].into(),
            permissions_boundary: any_region
                .then(|| PermissionsBoundary::parse("team/boundary").ok())
                .flatten(),
            role_path: RolePath::parse(if local { "/teams/web/" } else { "/" }).ok()?,
        })
    })
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(toml: String, directory: String, dockerfile: String) {
        check_any(&toml, &directory, &dockerfile)?;
    }

    #[test]
    fn any_pieces_are_read_without_panic(toml in any_of(TOML), dockerfile in any_of(DOCKERFILE)) {
        check_any(&toml, "hello", &dockerfile)?;
    }

    #[test]
    fn any_directory_gives_a_valid_name_or_none(directory: String, environment in "[a-z][a-z0-9]{0,21}") {
        let environment = EnvironmentName::parse(&environment).expect("environment");
        if let Some(name) = AppName::from_directory(&directory, &environment) {
            prop_assert_eq!(AppName::parse(name.as_str()), Ok(name.clone()));
            prop_assert!(name.as_str().len() + 1 + environment.as_str().len() <= 24);
            prop_assert_eq!(AppName::from_directory(&directory, &environment), Some(name));
        }
    }

    #[test]
    fn a_manifest_written_down_is_read_back(manifest in manifests()) {
        let table = toml::Table::try_from(&manifest).expect("TOML");
        let draft = Draft::read(Some(&table.to_string()));
        let protected = draft.protected().iter().map(|path| ProtectedFact {
            path: path.clone(),
            state: ProtectedState::Unchanged,
        });
        let facts = Facts { protected: protected.collect(), ..facts() };
        prop_assert_eq!(draft.resolve(&facts, &Overrides::default()), Ok(manifest));
    }

    #[test]
    fn any_number_is_accepted_or_refused(key in select(vec!["port", "cpu", "memory", "count", "drain_seconds", "log_retention_days", "budget"]), number: i64) {
        let _ = resolve(&format!("{key} = {number}"));
    }
}
