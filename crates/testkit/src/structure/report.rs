//! The numbers and findings as text.

use super::{Crate, LongFunction, Structure};
use crate::structure::Cycle;
use std::fmt;

/// References that a report shows for each pair of modules.
const SHOWN: usize = 3;

impl fmt::Display for Structure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            to,
            "crate             code   tests   (lines without blanks and comments)"
        )?;
        for one in &self.crates {
            writeln!(
                to,
                "{:<14}{:>8}{:>8}",
                one.name,
                one.code_lines(),
                one.test_lines
            )?;
        }
        let code: usize = self.crates.iter().map(Crate::code_lines).sum();
        let tests: usize = self.crates.iter().map(|one| one.test_lines).sum();
        writeln!(to, "{:<14}{code:>8}{tests:>8}", "all")?;
        writeln!(
            to,
            "snapshots: {} with {} lines",
            self.snapshots, self.snapshot_lines
        )?;
        for (one, target) in self.targets() {
            if one.name == "landfall" && target.name == "landfall" {
                let names = target.modules.top_level();
                writeln!(
                    to,
                    "top-level modules of landfall: {} ({})",
                    names.len(),
                    names.join(", ")
                )?;
            }
        }
        let cycles = self.cycles();
        let largest = cycles.iter().map(|(_, cycle)| cycle.members.len()).max();
        writeln!(
            to,
            "module cycles: {}, the largest of {} modules",
            cycles.len(),
            largest.unwrap_or(0)
        )?;
        for (one, cycle) in &cycles {
            write!(to, "{one}: {cycle}")?;
        }
        let long = self.long_functions();
        writeln!(
            to,
            "functions over {} lines: {}",
            super::LONGEST_FUNCTION,
            long.len()
        )?;
        for function in &long {
            writeln!(to, "  {function}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "cycle in {}: {}", self.parent, self.members.join(", "))?;
        for ((from, target), references) in &self.edges {
            writeln!(to, "  {from} -> {target}: {} references", references.len())?;
            for reference in references.iter().take(SHOWN) {
                writeln!(to, "    {}: {}", reference.place, reference.path)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for LongFunction {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {} has {} lines", self.place, self.name, self.lines)
    }
}
