//! The Fargate tasks of an environment, which Terraform does not manage: counting and removing
//! them.

use crate::environment::Environment;
use crate::failure::Failure;
use aws::{ErrorKind, OneOffProgress, Services};
use rules::app::names::Slot;
use std::time::Duration;

/// How long tasks may take to stop once ECS was asked to stop them.
const STOPPED_WITHIN: Duration = Duration::from_secs(180);

/// The desired task count of both slots together.
///
/// # Errors
/// ECS does not answer.
pub(crate) async fn desired(environment: &Environment) -> Result<u32, Failure> {
    let services = Services::new(&environment.session, &environment.names.id());
    let mut desired = 0;
    for slot in Slot::ALL {
        match services.slot(&environment.names.slot(slot)).await {
            Ok(facts) => desired += facts.desired,
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(desired)
}

/// Stops the tasks of releases and of `landfall exec`, and deletes their task definitions.
///
/// # Errors
/// ECS does not answer, or denies it.
pub(crate) async fn remove(environment: &Environment) -> Result<(), Failure> {
    let names = &environment.names;
    let services = Services::new(&environment.session, &names.id());
    for slot in Slot::ALL {
        let slot = names.slot(slot);
        // Reading comes first: a caller who removes a function may lack the permission to scale
        // services.
        let scaled = match services.slot(&slot).await {
            Ok(_) => services.scale(&slot, 0).await,
            Err(error) => Err(error),
        };
        match scaled {
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    // The tasks end before the log group and the load balancer that they use are removed.
    let end = tokio::time::Instant::now() + STOPPED_WITHIN;
    for slot in Slot::ALL {
        loop {
            match services.slot(&names.slot(slot)).await {
                Ok(facts) if facts.tasks.is_empty() => break,
                Ok(_) if tokio::time::Instant::now() > end => break,
                Ok(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                Err(error) if error.kind == ErrorKind::NotFound => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    match services.slot(&names.slot(Slot::Blue)).await {
        Ok(_) => stop_one_off_tasks(&services).await?,
        // Without a cluster there are no tasks, and the caller may lack the permission to list
        // them.
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    services.delete_definitions(&names.family()).await?;
    Ok(())
}

/// Stops the tasks of `landfall exec`, and waits until they have ended.
async fn stop_one_off_tasks(services: &Services) -> Result<(), Failure> {
    let tasks = services.running_once().await?;
    for task in &tasks {
        services.stop_once(task, "landfall down").await?;
    }
    let end = tokio::time::Instant::now() + STOPPED_WITHIN;
    for task in &tasks {
        loop {
            match services.progress(task).await {
                Ok(OneOffProgress::Ended(_)) => break,
                Ok(_) if tokio::time::Instant::now() > end => break,
                Ok(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                Err(error) if error.kind == ErrorKind::NotFound => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
