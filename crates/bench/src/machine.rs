//! The machine and the programs of the measurements.

use crate::proxies::{Program, Programs};
use std::process::Command;

/// The machine and the programs, as a list in Markdown.
pub(crate) fn describe(programs: &Programs) -> String {
    format!("{}{}", describe_machine(), describe_programs(programs))
}

/// The machine, as an item of such a list.
pub(crate) fn describe_machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").and_then(|kb| {
        kb.split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
            .map(|kib| format!("{:.0} GiB", kib / 1024.0 / 1024.0))
    });
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "- {cores} cores of {}, {} of memory, Linux {}, {}\n",
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown kind".to_owned()),
        memory.unwrap_or_else(|| "an unknown amount".to_owned()),
        kernel.trim(),
        std::env::consts::ARCH,
    )
}

fn describe_programs(programs: &Programs) -> String {
    let versions = [
        ("landfall-edge", Program::Edge, "--version"),
        ("nginx", Program::Nginx, "-v"),
        ("HAProxy", Program::Haproxy, "-v"),
        ("Envoy", Program::Envoy, "--version"),
        ("Caddy", Program::Caddy, "version"),
    ]
    .into_iter()
    .filter_map(|(name, program, argument)| {
        let output = Command::new(programs.path(program)).arg(argument).output();
        // A row that is not measured needs no program.
        let text = output.map(|output| [output.stdout, output.stderr].concat());
        Some(format!(
            "{name} {}",
            version(&String::from_utf8_lossy(&text.ok()?))
        ))
    })
    .collect::<Vec<_>>();
    format!("- {}\n", versions.join(", "))
}

/// Load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The first value of a `name: value` line.
fn field(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// The first number with dots in a program's version output.
fn version(output: &str) -> String {
    let words = output.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let number = |word: &&str| {
        let word = word.trim_start_matches('v');
        word.contains('.') && word.split('.').all(|part| part.parse::<u32>().is_ok())
    };
    let found = words.map(|word| word.trim_end_matches('.')).find(number);
    found.map_or_else(
        || "?".to_owned(),
        |word| word.trim_start_matches('v').to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_found() {
        assert_eq!(version("nginx version: nginx/1.22.1"), "1.22.1");
        assert_eq!(
            version("HAProxy version 2.6.12-1+deb12u4 2025/01/01"),
            "2.6.12"
        );
        assert_eq!(
            version("envoy  version: 0f0/1.40.0/Clean/RELEASE"),
            "1.40.0"
        );
        assert_eq!(version("v2.11.7 h1:abc="), "2.11.7");
        assert_eq!(version("landfall-edge 0.1.0\n"), "0.1.0");
        assert_eq!(version(""), "?");
    }
}
