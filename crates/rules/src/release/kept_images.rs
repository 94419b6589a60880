//! Which images the registry's lifecycle policy spares. It expires images by the time of their push, and
//! knows nothing of what serves. So a release tags the image that it stages, and the one that gets users;
//! the rules of `foundation/registry.tf` spare the newest twenty of each kind
//! (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html>).

use super::{Release, Step};

/// Prefix of the tag of an image that was staged.
pub const STAGED: &str = "staged-";
/// Prefix of the tag of an image that had users.
pub const LIVE: &str = "live-";

/// The tag that the image of the release gets before a step, if it gets one.
pub fn tag(step: &Step, release: &Release) -> Option<String> {
    let prefix = match step {
        Step::Stage { slot } if *slot == release.candidate => STAGED,
        Step::Shift { slot, share } if *slot == release.candidate && *share > 0 => LIVE,
        _ => return None,
    };
    Some(format!("{prefix}{}", release.revision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::samples;

    #[test]
    fn the_image_is_tagged_when_it_is_staged_and_when_it_gets_users() {
        let release = samples::release("3f19c0");
        let slot = release.candidate;
        let of = |step: Step| tag(&step, &release);
        assert_eq!(of(Step::Stage { slot }).as_deref(), Some("staged-3f19c0"));
        let share = 10;
        assert_eq!(
            of(Step::Shift { slot, share }).as_deref(),
            Some("live-3f19c0")
        );
        let other = slot.other();
        for step in [
            Step::Shift { slot, share: 0 },
            Step::Shift { slot: other, share },
            Step::Retire { slot },
            Step::EnablePreview,
        ] {
            assert_eq!(of(step.clone()), None, "{step:?}");
        }
    }
}
