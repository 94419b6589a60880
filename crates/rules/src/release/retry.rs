//! Whether a release goes on after a call failed.

use crate::exit::Exit;

/// Failed calls in a row after which a release stops where it is. Each call is retried by itself before.
const FAILURES: u32 = 5;

/// Whether a release observes again after `failures` calls in a row failed, the last one with `exit`. Every
/// step can be repeated. A failure of the infrastructure may be temporary; what was denied stays denied.
pub fn looks_again(exit: Exit, failures: u32) -> bool {
    exit == Exit::Infrastructure && failures < FAILURES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_infrastructure_gets_another_chance_and_not_for_ever() {
        for failures in 1..5 {
            assert!(looks_again(Exit::Infrastructure, failures));
        }
        assert!(!looks_again(Exit::Infrastructure, 5));
        for exit in Exit::ALL {
            assert_eq!(
                looks_again(exit, 1),
                exit == Exit::Infrastructure,
                "{exit:?}"
            );
        }
    }
}
