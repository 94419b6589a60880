//! `src/policy` reads no clock, no file, no environment variable and no socket, starts nothing,
//! prints nothing, and does not use the rest of the crate: the ban that `crates/rules/clippy.toml`
//! puts on `rules`. `clippy.toml` works for whole packages only, so this test reads the sources.

use std::path::{Path, PathBuf};

/// Prefixes of paths that must not be used.
const BANNED: [&str; 22] = [
    "std::time::Instant",
    "std::time::SystemTime",
    "std::time::UNIX_EPOCH",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::os",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "tokio",
    "hyper",
    "hyper_util",
    "rustix",
    "socket2",
    "http_body",
    "http_body_util",
];
/// Macros that must not be used.
const BANNED_MACROS: [&str; 4] = ["print!", "println!", "eprint!", "eprintln!"];
/// Methods of `Path` that read the file system.
const BANNED_METHODS: [&str; 6] = [
    ".canonicalize()",
    ".exists()",
    ".is_dir()",
    ".is_file()",
    ".metadata()",
    ".read_dir()",
];

/// The code without comments and without the content of string literals.
fn code(source: &str) -> String {
    let mut out = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if first == '"' {
            let mut is_escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            });
            out.push_str("\"\"");
            rest = &rest[end.map_or(rest.len(), |end| end + 2)..];
        } else if let Some(after) = rest.strip_prefix("'\"'") {
            rest = after;
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// Every path in the code. Grouped imports are expanded: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(code: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut paths = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in code.chars().chain([' ']) {
        if is_part(c) {
            word.push(c);
            continue;
        }
        let path = format!("{}{word}", prefixes.last().map_or("", String::as_str));
        if c == '{' {
            let opens_group = word.ends_with("::");
            let within = prefixes.last().cloned().unwrap_or_default();
            prefixes.push(if opens_group { path } else { within });
        } else if !word.is_empty() {
            paths.push(path);
        }
        if c == '}' {
            prefixes.pop();
        }
        word.clear();
    }
    paths
}

/// The banned paths, macros and methods in a source.
fn violations(source: &str) -> Vec<String> {
    let code = code(source);
    let mut found: Vec<String> = paths(&code)
        .into_iter()
        .map(|path| path.trim_start_matches(':').to_owned())
        .filter(|path| {
            let is_banned = BANNED.iter().any(|banned| {
                path.strip_prefix(banned)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            });
            is_banned || path.starts_with("crate::") && !path.starts_with("crate::policy")
        })
        .collect();
    let texts = BANNED_MACROS.iter().chain(&BANNED_METHODS);
    found.extend(
        texts
            .filter(|text| code.contains(**text))
            .map(|text| (*text).to_owned()),
    );
    found
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_policy_is_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = vec![root.join("policy.rs")];
    sources(&root.join("policy"), &mut all);
    assert!(all.len() > 20, "the sources were not found: {all:?}");
    let mut complaints = Vec::new();
    for path in all {
        let source = std::fs::read_to_string(&path).expect("a source");
        for violation in violations(&source) {
            complaints.push(format!("{}: {violation}", path.display()));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn a_violation_is_found_however_it_is_written() {
    for (source, expected) in [
        ("use std::time::{Duration, Instant};", "std::time::Instant"),
        (
            "use std::{net::{IpAddr, TcpStream}, fmt};",
            "std::net::TcpStream",
        ),
        ("use std::{fs, fmt};", "std::fs"),
        ("fn f() { let x = std::env::var(\"A\"); }", "std::env::var"),
        (
            "fn f() -> ::std::time::SystemTime { todo() }",
            "std::time::SystemTime",
        ),
        (
            "async fn f() { tokio::time::sleep(x).await }",
            "tokio::time::sleep",
        ),
        ("fn f() { println!(\"{x}\"); }", "println!"),
        ("use crate::clock::Clock;", "crate::clock::Clock"),
        (
            "use crate::{policy::retry, clock::Clock};",
            "crate::clock::Clock",
        ),
        ("fn f(p: &Path) -> bool { p.exists() }", ".exists()"),
        ("const A: &str = \"a\\\"\"; use std::fs;", "std::fs"),
    ] {
        let found = violations(source);
        assert!(
            found.iter().any(|one| one == expected),
            "{source}: {found:?}"
        );
    }
    for source in [
        "use std::time::Duration; use std::net::{IpAddr, SocketAddr};",
        "// std::fs is banned\nuse crate::policy::retry::verdict;",
        "const TEXT: &str = \"std::fs\";",
        "use edge_contract::bucket::Bucket;",
        "use std::fmt; struct S { environment: u8 }",
    ] {
        assert_eq!(violations(source), [""; 0], "{source}");
    }
}
