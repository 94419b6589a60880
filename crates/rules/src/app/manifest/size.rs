//! How big a task is and how many there are.

use super::newtype::number_value;
use super::problem::{Invalid, listed};
use serde::Serialize;

/// CPU units of a Fargate task; 1024 are one vCPU. From the key `cpu`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Cpu(u32);

number_value!(Cpu, units -> u32);

/// Memory in MiB that Fargate offers for each number of CPU units.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html>
/// 256 units are special: 512, 1024 and 2048, but not 1536.
const SIZES: [(u32, &[u32]); 5] = [
    (256, &[512, 1024, 2048]),
    (512, &gigabytes::<4>(1)),
    (1024, &gigabytes::<7>(2)),
    (2048, &gigabytes::<13>(4)),
    (4096, &gigabytes::<23>(8)),
];

/// `N` sizes in MiB, from `first` GiB on in steps of one GiB.
const fn gigabytes<const N: usize>(first: u32) -> [u32; N] {
    let mut sizes = [0; N];
    let mut index = 0;
    while index < N {
        sizes[index] = (first + index as u32) * 1024;
        index += 1;
    }
    sizes
}

impl Cpu {
    /// Units where none are set.
    pub(super) const DEFAULT: u32 = SIZES[0].0;

    /// Checks a number of CPU units.
    pub fn new(units: i64) -> Result<Cpu, Invalid> {
        match SIZES.iter().find(|(cpu, _)| i64::from(*cpu) == units) {
            Some((cpu, _)) => Ok(Cpu(*cpu)),
            None => {
                let all: Vec<u32> = SIZES.iter().map(|(cpu, _)| *cpu).collect();
                Err(Invalid::new(
                    format!("cpu {units}"),
                    format!("Fargate offers {} CPU units", listed(&all, "or")),
                    "write one of these, such as `cpu = 256`; 1024 units are one vCPU",
                ))
            }
        }
    }

    /// Every number of units that Fargate offers, smallest first.
    pub(super) fn all() -> Vec<u32> {
        SIZES.iter().map(|(cpu, _)| *cpu).collect()
    }

    /// Memory sizes that Fargate offers with this many units, in MiB, smallest first; never empty.
    pub fn memories(self) -> &'static [u32] {
        SIZES
            .iter()
            .find(|(cpu, _)| *cpu == self.0)
            .map_or(SIZES[0].1, |(_, memories)| memories)
    }
}

impl Default for Cpu {
    fn default() -> Cpu {
        Cpu(Cpu::DEFAULT)
    }
}

/// Memory of a Fargate task in MiB, one that exists together with its CPU units. From the key
/// `memory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Memory(u32);

number_value!(Memory, mib -> u32);

impl Memory {
    /// Checks a number of MiB against the CPU units.
    pub fn new(mib: i64, cpu: Cpu) -> Result<Memory, Invalid> {
        let memories = cpu.memories();
        if let Some(memory) = memories.iter().find(|memory| i64::from(**memory) == mib) {
            return Ok(Memory(*memory));
        }
        let others: Vec<u32> = SIZES
            .iter()
            .filter(|(_, memories)| memories.iter().any(|memory| i64::from(*memory) == mib))
            .map(|(cpu, _)| *cpu)
            .collect();
        let fix = match others.is_empty() {
            true => "write one of these".to_owned(),
            false => format!("write one of these, or `cpu = {}`", listed(&others, "or")),
        };
        Err(Invalid::new(
            format!("memory {mib} with cpu {cpu}"),
            format!("Fargate offers {} MiB with it", offer(memories)),
            fix,
        ))
    }

    /// The least memory that exists with these CPU units.
    pub fn least(cpu: Cpu) -> Memory {
        Memory(cpu.memories()[0])
    }
}

/// The sizes as text: short lists in full, long ones by their step.
fn offer(memories: &[u32]) -> String {
    match memories {
        [first, .., last] if memories.len() > 7 => {
            format!("{first} to {last} in steps of 1024")
        }
        few => listed(few, "or"),
    }
}

/// Number of tasks that run at the same time. From the key `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Count(u32);

number_value!(Count, get -> u32);

impl Count {
    /// Most tasks that landfall starts: a slip of the finger should not cost a fortune.
    pub const MAX: u32 = 10;

    /// Checks a number of tasks.
    pub fn new(tasks: i64) -> Result<Count, Invalid> {
        u32::try_from(tasks)
            .ok()
            .filter(|tasks| (1..=Count::MAX).contains(tasks))
            .map(Count)
            .ok_or_else(|| {
                Invalid::new(
                    format!("count {tasks}"),
                    format!("1 to {} tasks are possible", Count::MAX),
                    "write how many tasks should run, such as `count = 2`",
                )
            })
    }
}

impl Default for Count {
    fn default() -> Count {
        Count(1)
    }
}
