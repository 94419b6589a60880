//! Nothing in the HCL lacks a price: what `rules::shape::cost` does not know would make every bill incomplete.

use super::tree::{Tree, labels};
use rules::shape::contract::Root;
use rules::shape::cost;

#[test]
fn every_resource_of_the_roots_is_priced() {
    let mut seen = 0;
    for root in Root::ALL {
        let tree = Tree::of(root);
        for block in tree.blocks("resource") {
            let kind = labels(block)[0];
            assert!(
                cost::is_known(kind),
                "{root}: rules::shape::cost has no price for {kind}"
            );
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} resources were looked at");
}
