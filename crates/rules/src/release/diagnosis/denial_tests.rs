use super::*;
use crate::app::manifest::{Draft, Facts, Overrides};
use crate::release::diagnosis::{Cause, Expectation, Explanation, diagnose};
use crate::release::evidence::{Evidence, StoppedTask};

fn settings(text: &str) -> Settings {
    let facts = Facts {
        directory_name: "app".into(),
        dockerfile: Some("FROM scratch\n".into()),
        protected: vec![],
    };
    let text = format!("target = \"fargate\"\n{text}");
    let manifest = Draft::read(Some(&text))
        .resolve(&facts, &Overrides::default())
        .expect("a manifest");
    Settings::from_manifest(&manifest)
}

fn cause(line: &str, settings: &Settings, exit_code: i32) -> Option<Cause> {
    let evidence = Evidence {
        stopped: vec![StoppedTask {
            id: "t".into(),
            stop_code: "EssentialContainerExited".into(),
            exit_code: Some(exit_code),
            ..StoppedTask::default()
        }],
        log: vec!["listening soon".into(), line.into(), "goodbye".into()],
        ..Evidence::default()
    };
    diagnose(&evidence, &Expectation::from_settings(settings))
}

const EVERYTHING: &str = "[container]\nuser = \"root\"\nread_only = false\nno_new_privileges = false\n\
    capabilities = [\"AUDIT_WRITE\", \"CHOWN\", \"DAC_OVERRIDE\", \"FOWNER\", \"FSETID\", \"KILL\", \"MKNOD\", \
    \"NET_BIND_SERVICE\", \"NET_RAW\", \"SETFCAP\", \"SETGID\", \"SETPCAP\", \"SETUID\", \"SYS_CHROOT\", \"SYS_PTRACE\"]\n";

/// The messages of programs that are denied something, word for word, and the protection that denied it.
#[test]
fn messages_of_programs_about_denied_permissions() {
    let root = "[container]\nuser = \"root\"\n";
    let table = [
        // nginx
        (
            "",
            "nginx: [emerg] mkdir() \"/var/cache/nginx/client_temp\" failed (30: Read-only file system)",
            "read_only",
        ),
        (
            "",
            "nginx: [emerg] mkdir() \"/var/cache/nginx/client_temp\" failed (13: Permission denied)",
            "not_root",
        ),
        (
            "",
            "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)",
            "low_port",
        ),
        (
            root,
            "nginx: [emerg] chown(\"/var/cache/nginx/client_temp\", 101) failed (1: Operation not permitted)",
            "missing_capability",
        ),
        (
            root,
            "nginx: [emerg] setgid(101) failed (1: Operation not permitted)",
            "missing_capability",
        ),
        // Go
        (
            "",
            "panic: open /data/app.db: read-only file system",
            "read_only",
        ),
        ("", "listen tcp :443: bind: permission denied", "low_port"),
        (
            "",
            "open /etc/app/secret.key: permission denied",
            "not_root",
        ),
        ("", "write /tmp/upload: no space left on device", "tmp_full"),
        // Python
        (
            "",
            "OSError: [Errno 30] Read-only file system: '/app/cache'",
            "read_only",
        ),
        (
            "",
            "PermissionError: [Errno 13] Permission denied: '/var/log/app.log'",
            "not_root",
        ),
        (
            "",
            "PermissionError: [Errno 1] Operation not permitted: '/data'",
            "not_root",
        ),
        // Node
        (
            "",
            "Error: EROFS: read-only file system, mkdir '/home/node/.cache'",
            "read_only",
        ),
        (
            "",
            "Error: listen EACCES: permission denied 0.0.0.0:80",
            "low_port",
        ),
        (
            "",
            "[Error: EACCES: permission denied, open '/app/.next/trace'] {",
            "not_root",
        ),
        // Rust, Java, SQLite
        (
            "",
            "Error: Os { code: 30, kind: ReadOnlyFilesystem, message: \"Read-only file system\" }",
            "read_only",
        ),
        (
            "",
            "java.io.FileNotFoundException: /data/log.txt (Read-only file system)",
            "read_only",
        ),
        (
            "",
            "sqlite3.OperationalError: attempt to write a readonly database",
            "read_only",
        ),
        // Shells and tools
        (
            "",
            "/entrypoint.sh: line 3: can't create /etc/app.conf: Read-only file system",
            "read_only",
        ),
        (
            "",
            "chown: /data: Operation not permitted",
            "missing_capability",
        ),
        (
            "",
            "su-exec: setgroups: Operation not permitted",
            "missing_capability",
        ),
        (
            "",
            "sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.",
            "no_new_privileges",
        ),
        (
            root,
            "cat: /home/app/key: Permission denied",
            "missing_capability",
        ),
        // The edge, on a program whose file has capabilities, and on one that only root may run.
        (
            "",
            "landfall-edge: can't start /usr/bin/caddy: Operation not permitted (os error 1)",
            "missing_capability",
        ),
        (
            "",
            "landfall-edge: can't start /app: Permission denied (os error 13)",
            "not_root",
        ),
    ];
    for (text, line, code) in table {
        let found = cause(line, &settings(text), 1).expect(line);
        assert_eq!(found.code(), code, "{line}");
        let Cause::Denied(denial) = &found else {
            panic!("{found:?}")
        };
        assert_eq!(denial.line, line);
        let json = serde_json::to_string(&found).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Cause>(&json).ok(),
            Some(found),
            "{json}"
        );
        // What is not in force is not to blame.
        let free = cause(line, &settings(EVERYTHING), 1);
        assert_eq!(free, Some(Cause::Crash { exit_code: 1 }), "{line}");
        let before = Settings {
            container: None,
            ..settings(text)
        };
        assert_eq!(cause(line, &before, 1), Some(Cause::Crash { exit_code: 1 }));
        // Exit code 0: nothing was denied.
        assert_eq!(
            cause(line, &settings(text), 0),
            Some(Cause::Crash { exit_code: 0 })
        );
    }
}

#[test]
fn other_messages_are_no_denial() {
    for line in [
        "mounted / read-only",
        "connect ECONNREFUSED 127.0.0.1:5432",
        "panic: runtime error: index out of range",
        // A port that the app may have, and one that everyone may.
        "listen tcp :8080: bind: permission denied",
        "GET /denied 403 permission",
    ] {
        let found = cause(line, &settings(""), 1);
        assert_eq!(found, Some(Cause::Crash { exit_code: 1 }), "{line}");
    }
    let own_port = settings("port = 80\n");
    let line = "bind() to 0.0.0.0:80 failed (13: Permission denied)";
    assert_eq!(
        cause(line, &own_port, 1),
        Some(Cause::Crash { exit_code: 1 })
    );
}

#[test]
fn an_app_that_runs_without_answering_may_lack_a_permission() {
    // The message of a worker of nginx; its parent lives on and never answers.
    let line = "setgid(33) failed (1: Operation not permitted)";
    let evidence = Evidence {
        log: vec![line.into()],
        ..Evidence::default()
    };
    let expected = Expectation::from_settings(&settings("[container]\nuser = \"root\"\n"));
    assert_eq!(diagnose(&evidence, &expected), None);
    let found = crate::release::diagnosis::denied(&evidence, &expected).expect("a cause");
    assert_eq!(found.code(), "missing_capability");
}

#[test]
fn the_last_message_counts() {
    let log = [
        "chown: /data: Operation not permitted",
        "open /data/x: read-only file system",
        "exiting",
    ];
    let log: Vec<String> = log.map(str::to_owned).into();
    let found = find(&log, &settings("")).map(|denial| denial.by);
    assert_eq!(found, Some(Protection::ReadOnly));
}

#[test]
fn ports_and_paths_are_found_in_messages() {
    let ports = [
        ("bind() to [::]:80 failed", Some(80)),
        ("bind: address 127.0.0.1:443: no", Some(443)),
        ("could not bind to port 53.", Some(53)),
        ("12:30:59 cannot bind", None),
        ("12:30:59 listen :::80", Some(80)),
        ("bind 0.0.0.0:8080", None),
        ("error code 13", None),
    ];
    for (line, port) in ports {
        assert_eq!(low_port(line), port, "{line}");
    }
    let paths = [
        ("open '/a/b': no", Some("/a/b")),
        ("java: /data/log.txt (no)", Some("/data/log.txt")),
        ("see https://x/y", None),
        ("and / or", None),
    ];
    for (line, expected) in paths {
        assert_eq!(path(line).as_deref(), expected, "{line}");
    }
}

#[test]
fn each_denial_names_the_manifest_key_that_lifts_it() {
    let on_lambda = Settings {
        target: Target::Lambda,
        ..settings("")
    };
    let cases = [
        ("open /data/app.db: read-only file system", settings("")),
        ("open /data.db: read-only file system", settings("")),
        (
            "open /data/app.db: read-only file system",
            on_lambda.clone(),
        ),
        ("open /etc/app/key: permission denied", settings("")),
        ("listen tcp :80: bind: permission denied", settings("")),
        ("listen tcp :80: bind: permission denied", on_lambda),
        ("chown: /data: Operation not permitted", settings("")),
        (
            "chown: /data: Operation not permitted",
            settings("container = { user = \"root\" }\n"),
        ),
        (
            "can't start /usr/bin/caddy: Operation not permitted (os error 1)",
            settings(""),
        ),
        ("sudo: The \"no new privileges\" flag is set", settings("")),
        ("write /tmp/x: no space left on device", settings("")),
    ];
    let texts: Vec<String> = cases
        .iter()
        .map(|(line, settings)| {
            let cause = cause(line, settings, 1).expect(line);
            let Explanation { what, next } = cause.explain(Target::Fargate);
            format!("{}\n  {what}\n  → {next}", cause.code())
        })
        .collect();
    insta::assert_snapshot!(texts.join("\n"));
}
