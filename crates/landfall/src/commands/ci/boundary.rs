//! The permissions boundaries that belong to the roles of CI, on the roles that have them.

use crate::environment::Environment;
use crate::failure::Failure;
use aws::Identity;
use rules::exit::Exit;
use rules::leave::ci::{Deployment, Setup, permissions};

/// Checks that no other environment's roles own a boundary of the same name: those of an app's previews are the
/// same for all its environments.
///
/// # Errors
/// Another environment's roles have it, or AWS does not answer.
pub(super) async fn check(
    environment: &Environment,
    setup: &Setup,
    deployment: &Deployment,
) -> Result<(), Failure> {
    let names = &environment.names;
    let identity = Identity::new(&environment.session);
    for name in permissions::boundaries(setup, deployment).into_keys() {
        let Some(found) = identity.policy(&name).await? else {
            continue;
        };
        if found.path == names.policy_path() {
            continue;
        }
        let owner = found
            .path
            .trim_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        return Err(Failure::new(
            Exit::Refused,
            format!("previews of {} belong to the roles of {owner}", names.app),
        )
        .why(format!("their boundary is {}", found.arn))
        .next("run `landfall ci` without --previews here, or `landfall ci remove` there first"));
    }
    Ok(())
}

/// Takes the boundaries of this environment's roles of CI off the app's roles, before they are deleted: IAM keeps a
/// policy that limits a role. The roles have only what Terraform gave them.
///
/// # Errors
/// AWS refuses a call.
pub(crate) async fn lift(environment: &Environment) -> Result<(), Failure> {
    let identity = Identity::new(&environment.session);
    let path = environment.names.policy_path();
    for arn in identity.boundaries_below(&path).await? {
        for role in identity.bounded_by(&arn).await? {
            identity.lift_boundary(&role).await?;
        }
    }
    Ok(())
}
