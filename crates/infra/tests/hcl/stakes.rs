//! The rules about data loss classify resources by type: every type in the HCL is classified.

use super::tree::{Tree, labels};
use rules::shape::contract::Root;
use rules::shape::data_loss::{Stake, stake};

#[test]
fn every_type_of_resource_is_classified() {
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
