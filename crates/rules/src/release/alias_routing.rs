//! Slots on Lambda. Each is an alias of the function that has the slot's name and points to the version that is
//! staged there. The alias `live`, which users invoke, points to one of these versions, or to both by weight
//! (<https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html>).

use crate::app::names::{Slot, Slots};

/// The versions that the alias `live` points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// The version of the alias.
    pub version: String,
    /// A second version, and its weight in percent.
    pub other: Option<(String, u32)>,
}

/// The version that is staged in each slot.
pub type Staged = Slots<Option<String>>;

impl Routing {
    /// The share of users of each slot, in percent. Before the first release `live` points to the version that
    /// Terraform created, which counts for the slot without a version.
    pub fn shares(&self, staged: &Staged) -> Slots<u32> {
        let other = self
            .other
            .as_ref()
            .map_or(0, |(_, share)| (*share).min(100));
        let mut shares = Slots::default();
        let mut left = 100;
        for slot in Slot::ALL {
            let Some(version) = staged.of(slot) else {
                continue;
            };
            let share = match &self.other {
                Some((routed, _)) if routed == version => other,
                _ if self.version == *version => 100 - other,
                _ => 0,
            };
            // Both slots may have the same version; its users count once.
            *shares.of_mut(slot) = share.min(left);
            left -= share.min(left);
        }
        if let Some(empty) = Slot::ALL
            .into_iter()
            .find(|slot| staged.of(*slot).is_none())
        {
            *shares.of_mut(empty) = left;
        }
        shares
    }

    /// The routing that sends `share` percent of users to `slot` and all others to the other one; [`None`] if a
    /// slot that should get users has no version.
    pub fn shifted(slot: Slot, share: u32, staged: &Staged) -> Option<Routing> {
        let (here, there) = (staged.of(slot), staged.of(slot.other()));
        match share.min(100) {
            0 => there.clone().map(Routing::to),
            100 => here.clone().map(Routing::to),
            share => Some(Routing {
                version: there.clone()?,
                other: Some((here.clone()?, share)),
            }),
        }
    }

    /// All users to one version.
    fn to(version: String) -> Routing {
        Routing {
            version,
            other: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn staged(blue: Option<&str>, green: Option<&str>) -> Staged {
        Slots {
            blue: blue.map(str::to_owned),
            green: green.map(str::to_owned),
        }
    }

    fn shares(routing: &Routing, staged: &Staged) -> (u32, u32) {
        let shares = routing.shares(staged);
        (shares.blue, shares.green)
    }

    #[test]
    fn before_the_first_release_blue_is_live_and_empty() {
        let new = Routing::to("$LATEST".into());
        assert_eq!(shares(&new, &staged(None, None)), (100, 0));
        // The first version is staged beside it.
        assert_eq!(shares(&new, &staged(None, Some("1"))), (100, 0));
        let moved = Routing::to("1".into());
        assert_eq!(shares(&moved, &staged(None, Some("1"))), (0, 100));
    }

    #[test]
    fn a_version_of_nobody_s_is_in_no_slot() {
        let elsewhere = Routing::to("7".into());
        assert_eq!(shares(&elsewhere, &staged(Some("1"), Some("2"))), (0, 0));
    }

    #[test]
    fn nobody_is_sent_to_an_empty_slot() {
        let half = staged(Some("1"), None);
        assert_eq!(Routing::shifted(Slot::Green, 10, &half), None);
        assert_eq!(Routing::shifted(Slot::Green, 100, &half), None);
        let back = Routing::shifted(Slot::Green, 0, &half);
        assert_eq!(back, Some(Routing::to("1".into())));
    }

    proptest! {
        #[test]
        fn what_is_shifted_is_seen(green: bool, share in 0..=100_u32) {
            let slot = if green { Slot::Green } else { Slot::Blue };
            let staged = staged(Some("4"), Some("12"));
            let routing = Routing::shifted(slot, share, &staged).expect("both are staged");
            let seen = routing.shares(&staged);
            prop_assert_eq!(*seen.of(slot), share);
            prop_assert_eq!(*seen.of(slot.other()), 100 - share);
        }

        #[test]
        fn shares_never_exceed_the_whole(
            version in "[1-3]",
            other in proptest::option::of(("[1-3]", 0..=200_u32)),
            blue in proptest::option::of("[1-3]"),
            green in proptest::option::of("[1-3]"),
        ) {
            let routing = Routing { version, other };
            let seen = routing.shares(&Slots { blue, green });
            prop_assert!(seen.blue + seen.green <= 100);
        }
    }
}
