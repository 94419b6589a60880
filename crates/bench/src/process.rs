//! Processes, from `/proc`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// A process and all its descendants.
pub(crate) fn family(root: u32) -> Vec<u32> {
    let mut parents = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(pid) = pid
            && let Some(stat) = Stat::read(pid)
        {
            parents.insert(pid, stat.parent);
        }
    }
    let mut family = vec![root];
    let mut at = 0;
    while let Some(&parent) = family.get(at) {
        let children = parents.iter().filter(|(_, its)| **its == parent);
        family.extend(children.map(|(pid, _)| *pid));
        at += 1;
    }
    family
}

/// Whether the process runs `program`.
pub(crate) fn runs(pid: u32, program: &Path) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program)
}

/// Whether it exists and is not a zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    Stat::read(pid).is_some_and(|stat| stat.state != "Z")
}

/// CPU time of a process, user and system.
pub(crate) fn cpu(pid: u32) -> Duration {
    let ticks = Stat::read(pid).map_or(0, |stat| stat.ticks);
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

/// Memory of a process in bytes, with its proportion of shared memory (PSS).
pub(crate) fn memory(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kib = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = kib.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

struct Stat {
    state: String,
    parent: u32,
    ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Stat> {
        Stat::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name is in parentheses and may contain anything, so the last parenthesis ends it.
    fn parse(text: &str) -> Option<Stat> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Stat {
            state: (*fields.first()?).to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            ticks: number(11)? + number(12)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_stat_is_parsed() {
        let line = "42 (a) b) S 7 42 42 0 -1 4194304 100 0 0 0 11 5 90 90 20 0 1 0 100 0 0";
        let stat = Stat::parse(line).expect("fields");
        assert_eq!((stat.state.as_str(), stat.parent, stat.ticks), ("S", 7, 16));
        assert!(Stat::parse("42 (a").is_none());
    }

    #[test]
    fn this_process_is_found() {
        let own = std::process::id();
        assert!(family(own).contains(&own));
        assert!(is_alive(own));
        assert!(memory(own) > 100_000);
    }
}
