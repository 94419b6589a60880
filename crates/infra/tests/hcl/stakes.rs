//! The rules about safety and about loss are over kinds of resources: each kind in the HCL is one that
//! somebody has thought about.

use super::tree::{Tree, labels};
use rules::shape::contract::Root;
use rules::shape::data_loss::{Stake, stake};

#[test]
fn what_is_lost_with_each_kind_is_known() {
    for root in Root::ALL {
        let tree = Tree::of(root);
        let kinds: Vec<&str> = tree.blocks("resource").map(|b| labels(b)[0]).collect();
        assert!(!kinds.is_empty(), "{root}");
        for kind in kinds {
            let (stake, _) = stake(kind);
            assert_ne!(stake, Stake::Unknown, "{root}: {kind}");
        }
    }
}
