//! The predictable name of everything that landfall creates.
//!
//! A name that can be computed can be looked for: the sweep after `down` does not depend on tags or on
//! a state file that may be lost. The HCL builds the same names from `local.id`; a test in `infra`
//! compares the two.

use crate::app::manifest::{AppName, EnvironmentName};
use serde::{Deserialize, Serialize};

/// One of the two places a revision can run in. Which of them is live is observed, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The slot that an environment without any release calls live.
    Blue,
    /// The other one.
    Green,
}

impl Slot {
    /// Both slots, in the order in which they are listed everywhere.
    pub const ALL: [Slot; 2] = [Slot::Blue, Slot::Green];

    /// The slot that this one is not.
    pub fn other(self) -> Slot {
        match self {
            Slot::Blue => Slot::Green,
            Slot::Green => Slot::Blue,
        }
    }

    /// The word in names, outputs and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Slot::Blue => "blue",
            Slot::Green => "green",
        }
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value for each slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots<T> {
    /// What belongs to [`Slot::Blue`].
    pub blue: T,
    /// What belongs to [`Slot::Green`].
    pub green: T,
}

impl<T> Slots<T> {
    /// The value of one slot.
    pub fn of(&self, slot: Slot) -> &T {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }

    /// The value of one slot, to change it.
    pub fn of_mut(&mut self, slot: Slot) -> &mut T {
        match slot {
            Slot::Blue => &mut self.blue,
            Slot::Green => &mut self.green,
        }
    }
}

/// Tag that carries the app's name on every resource.
pub const TAG_APP: &str = "landfall:app";
/// Tag that carries the environment on every resource.
pub const TAG_ENVIRONMENT: &str = "landfall:environment";
/// Docker label of a container definition that carries the revision.
pub const LABEL_REVISION: &str = "landfall.revision";
/// Header that leads a request to a slot when its value is the slot's token.
pub const SLOT_HEADER: &str = "X-Landfall-Slot";
/// Every token outside releases begins with this. A release ends by setting ones with a random rest, so
/// that no request reaches what a later release stages.
pub const CLOSED: &str = "closed";
/// Name of the one container in a task.
pub const CONTAINER: &str = "app";

/// Name of the policy that limits the roles of all previews of an app.
pub fn previews_boundary(app: &AppName) -> String {
    format!("{app}_previews-boundary")
}

/// Path of all policies that landfall makes, each below the name of its environment.
pub const POLICIES: &str = "/landfall/";

/// Names in one environment of one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The app.
    pub app: AppName,
    /// The environment.
    pub environment: EnvironmentName,
}

impl Names {
    /// Names of `app` in `environment`.
    pub fn new(app: AppName, environment: EnvironmentName) -> Names {
        Names { app, environment }
    }

    /// `app-environment`, at most 24 characters: the stem of every other name.
    pub fn id(&self) -> String {
        format!("{}-{}", self.app, self.environment)
    }

    /// CloudWatch log group.
    pub fn log_group(&self) -> String {
        format!("/landfall/{}", self.id())
    }

    /// Lambda function; its HTTP API has the same name.
    pub fn function(&self) -> String {
        self.id()
    }

    /// CloudWatch log group of the function: the one that Lambda looks for.
    pub fn function_log_group(&self) -> String {
        format!("/aws/lambda/{}", self.function())
    }

    /// CloudWatch log group of the HTTP API, with a line for every request. For groups below
    /// `/aws/vendedlogs/` AWS needs no entry of their own in the account's resource policy, whose length is limited
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html>).
    pub fn access_log_group(&self) -> String {
        format!("/aws/vendedlogs{}/access", self.log_group())
    }

    /// What [`Names::access_log_group`] was in earlier versions.
    pub fn former_access_log_group(&self) -> String {
        format!("{}/access", self.log_group())
    }

    /// Every log group, whatever the target and the version that made it.
    pub fn log_groups(&self) -> [String; 4] {
        [
            self.log_group(),
            self.function_log_group(),
            self.access_log_group(),
            self.former_access_log_group(),
        ]
    }

    /// The role that the function runs and logs with.
    pub fn function_role(&self) -> String {
        format!("{}-function", self.id())
    }

    /// The role that ECS pulls and logs with.
    pub fn execution_role(&self) -> String {
        format!("{}-execution", self.id())
    }

    /// The role that the app runs with.
    pub fn task_role(&self) -> String {
        format!("{}-task", self.id())
    }

    /// Path of the policies that the roles of CI have.
    pub fn policy_path(&self) -> String {
        format!("/landfall/{}/", self.id())
    }

    /// Name of the policy that limits the roles of this environment where CI deploys it. Policies have names that
    /// are unique in the account, whatever their path; no environment's name has an underscore.
    pub fn boundary(&self) -> String {
        match self.environment.is_preview() {
            true => previews_boundary(&self.app),
            false => format!("{}-boundary", self.id()),
        }
    }

    /// SNS topic of alarms and budget.
    pub fn alarm_topic(&self) -> String {
        format!("{}-alarms", self.id())
    }

    /// ECS service of a slot; its target group has the same name.
    pub fn slot(&self, slot: Slot) -> String {
        format!("{}-{slot}", self.id())
    }

    /// Task definition family that releases register in.
    pub fn family(&self) -> String {
        self.id()
    }

    /// Task definition family of the empty slots, owned by Terraform.
    pub fn placeholder_family(&self) -> String {
        format!("{}-placeholder", self.id())
    }

    /// Bucket of the Terraform state. Bucket names are global, hence account and region; at most 63
    /// characters (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
    pub fn state_bucket(&self, account: &str, region: &str) -> String {
        format!("landfall-{account}-{region}-{}", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_fit_what_aws_allows() {
        let names = Names::new(
            AppName::parse("abcdefghijklmnopqrs").expect("19 characters"),
            EnvironmentName::parse("prod").expect("4 characters"),
        );
        assert_eq!(names.id().len(), 24);
        assert!(names.slot(Slot::Green).len() <= 32, "target group");
        assert!(names.execution_role().len() <= 64, "role");
        assert!(names.function_role().len() <= 64, "role");
        assert!(names.function().len() <= 64, "function");
        let bucket = names.state_bucket("123456789012", "ap-southeast-1");
        assert!(bucket.len() <= 63, "{bucket} is {} long", bucket.len());
    }

    #[test]
    fn the_other_slot_of_the_other_is_the_same() {
        for slot in Slot::ALL {
            assert_eq!(slot.other().other(), slot);
        }
    }
}
