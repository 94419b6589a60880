//! Every resource in the HCL has a price in `rules::shape::cost`; otherwise every estimate would be
//! incomplete.

use super::tree::{Tree, labels};
use rules::shape::contract::Root;
use rules::shape::cost;

#[test]
fn every_resource_of_the_roots_has_a_price() {
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
    assert!(seen > 30, "only {seen} resources were checked");
}
