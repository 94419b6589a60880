//! What a Terraform plan would do, read from `terraform show -json`
//! (<https://developer.hashicorp.com/terraform/internals/json-format#plan-representation>).

mod configuration;

use configuration::Configuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Attributes that a configuration sets, each with the addresses that its value refers to.
pub type References = BTreeMap<String, Vec<String>>;

/// What happens to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed where it stands.
    Update,
    /// It is destroyed and created again, in either order.
    Replace,
    /// It is destroyed.
    Delete,
    /// Terraform stops looking after it; it stays.
    Forget,
}

/// One resource that a plan touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Address in the configuration, for example `aws_lb.front`.
    pub address: String,
    /// Type in the provider's words, for example `aws_lb`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// What happens to it.
    pub action: Action,
    /// Attributes whose change forces a replacement, for example `load_balancer[0].container_port`
    /// (`replace_paths` of the plan's JSON). Empty for anything else, and for what is replaced for a
    /// reason of Terraform's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forced_by: Vec<String>,
    /// Terraform's word for why, where there is one, for example `replace_because_tainted`
    /// (`action_reason` of the plan's JSON).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Change {
    /// A change of which no more is known than what it does.
    pub fn new(address: &str, kind: &str, action: Action) -> Change {
        Change {
            address: address.to_owned(),
            kind: kind.to_owned(),
            action,
            forced_by: Vec::new(),
            reason: None,
        }
    }
}

/// One resource as it will be once the plan is applied, whether the plan changes it or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Address in the configuration, for example `aws_lb.main`.
    pub address: String,
    /// Type in the provider's words, for example `aws_lb`.
    pub kind: String,
    /// Every attribute that is known now.
    pub values: Value,
    /// The same shape, `true` where a value is known only after the apply
    /// (`after_unknown` of the plan's JSON); `null` for a resource that does not change.
    #[serde(default)]
    pub unknown: Value,
    /// Attributes that the configuration sets; [`None`] if the plan does not contain them. `dynamic` blocks are
    /// not among them: Terraform leaves them out.
    #[serde(default)]
    pub references: Option<References>,
}

/// A plan, reduced to what a person decides on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Resources that the plan touches, in the plan's order.
    pub changes: Vec<Change>,
    /// Whether an output of the root changes.
    pub outputs_change: bool,
    /// What will be there afterwards: what it costs and how safe it is follows from this. Empty after a
    /// plan that destroys.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// Data sources that Terraform can read only during the apply, with what is known of them now.
    #[serde(default)]
    pub deferred: Vec<Resource>,
}

/// Why a plan could not be read.
#[derive(Debug)]
pub struct UnreadablePlan(String);

impl std::fmt::Display for UnreadablePlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the plan's JSON is not what Terraform documents: {}",
            self.0
        )
    }
}

impl std::error::Error for UnreadablePlan {}

#[derive(Deserialize)]
struct RawPlan {
    format_version: String,
    #[serde(default)]
    resource_changes: Vec<RawChange>,
    #[serde(default)]
    output_changes: BTreeMap<String, RawActions>,
    #[serde(default)]
    planned_values: RawValues,
    #[serde(default)]
    configuration: Configuration,
}

#[derive(Deserialize)]
struct RawChange {
    address: String,
    mode: String,
    #[serde(default, rename = "type")]
    kind: String,
    change: RawActions,
    #[serde(default)]
    action_reason: Option<String>,
}

#[derive(Deserialize)]
struct RawActions {
    actions: Vec<String>,
    #[serde(default)]
    after_unknown: Value,
    #[serde(default)]
    replace_paths: Vec<Vec<Value>>,
}

#[derive(Default, Deserialize)]
struct RawValues {
    #[serde(default)]
    root_module: RawModule,
}

#[derive(Default, Deserialize)]
struct RawModule {
    #[serde(default)]
    resources: Vec<RawResource>,
    #[serde(default)]
    child_modules: Vec<RawModule>,
}

#[derive(Deserialize)]
struct RawResource {
    address: String,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    values: Value,
}

impl RawModule {
    /// Resources and data sources of this module and of those in it.
    fn resources(self, all: &mut Vec<RawResource>) {
        all.extend(self.resources);
        for module in self.child_modules {
            module.resources(all);
        }
    }
}

/// Reads the resources of a state, from `terraform show -json`
/// (<https://developer.hashicorp.com/terraform/internals/json-format#state-representation>).
///
/// # Errors
/// The text is no state, or its format has another major version.
pub fn of_state(json: &str) -> Result<Vec<Resource>, UnreadablePlan> {
    #[derive(Deserialize)]
    struct RawState {
        format_version: String,
        #[serde(default)]
        values: RawValues,
    }
    let raw: RawState =
        serde_json::from_str(json).map_err(|error| UnreadablePlan(error.to_string()))?;
    if !raw.format_version.starts_with("1.") {
        return Err(UnreadablePlan(format!(
            "format version {} instead of 1.x",
            raw.format_version
        )));
    }
    let mut all = Vec::new();
    raw.values.root_module.resources(&mut all);
    let managed = all.into_iter().filter(|one| one.mode == "managed");
    Ok(managed
        .map(|one| Resource {
            address: one.address,
            kind: one.kind,
            values: one.values,
            ..Resource::default()
        })
        .collect())
}

impl Plan {
    /// Reads the output of `terraform show -json PLAN`.
    ///
    /// # Errors
    /// The text is no plan, its format has another major version, or an action is not documented:
    /// guessing there could delete what should stay.
    pub fn parse(json: &str) -> Result<Plan, UnreadablePlan> {
        let raw: RawPlan =
            serde_json::from_str(json).map_err(|error| UnreadablePlan(error.to_string()))?;
        if !raw.format_version.starts_with("1.") {
            return Err(UnreadablePlan(format!(
                "format version {} instead of 1.x",
                raw.format_version
            )));
        }
        let mut changes = Vec::new();
        let mut unknown = BTreeMap::new();
        for RawChange {
            address,
            mode,
            kind,
            change,
            action_reason,
        } in raw.resource_changes
        {
            unknown.insert(address.clone(), change.after_unknown.clone());
            let Some(action) = action(&change.actions)
                .map_err(|unknown| UnreadablePlan(format!("{address}: action {unknown:?}")))?
            else {
                continue;
            };
            // A data source that is read during apply changes nothing.
            if mode == "managed" {
                changes.push(Change {
                    address,
                    kind,
                    action,
                    forced_by: change.replace_paths.iter().map(|p| path(p)).collect(),
                    reason: action_reason,
                });
            }
        }
        let mut outputs_change = false;
        for (name, output) in raw.output_changes {
            outputs_change |= action(&output.actions)
                .map_err(|unknown| UnreadablePlan(format!("output {name}: {unknown:?}")))?
                .is_some();
        }
        let mut values = Vec::new();
        raw.planned_values.root_module.resources(&mut values);
        let (mut resources, mut deferred) = (Vec::new(), Vec::new());
        for resource in values {
            let all = match resource.mode.as_str() {
                "managed" => &mut resources,
                _ => &mut deferred,
            };
            all.push(Resource {
                unknown: unknown.remove(&resource.address).unwrap_or_default(),
                references: raw.configuration.references(&resource.address),
                address: resource.address,
                kind: resource.kind,
                values: resource.values,
            });
        }
        Ok(Plan {
            changes,
            outputs_change,
            resources,
            deferred,
        })
    }

    /// Whether applying it would change nothing, the state's outputs included.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.outputs_change
    }

    /// How many resources meet this fate.
    pub fn count(&self, action: Action) -> usize {
        self.changes
            .iter()
            .filter(|change| change.action == action)
            .count()
    }

    /// Addresses that are destroyed, for good or to be replaced.
    pub fn destroyed(&self) -> impl Iterator<Item = &Change> {
        self.changes
            .iter()
            .filter(|change| matches!(change.action, Action::Delete | Action::Replace))
    }

    /// `30 to create, 1 to replace`, or `no changes`.
    pub fn describe(&self) -> String {
        let parts: Vec<String> = [
            (Action::Create, "create"),
            (Action::Update, "update"),
            (Action::Replace, "replace"),
            (Action::Delete, "delete"),
            (Action::Forget, "forget"),
        ]
        .into_iter()
        .filter(|(action, _)| self.count(*action) > 0)
        .map(|(action, word)| format!("{} to {word}", self.count(action)))
        .collect();
        match (parts.is_empty(), self.outputs_change) {
            (true, false) => "no changes".to_owned(),
            (true, true) => "outputs change".to_owned(),
            _ => parts.join(", "),
        }
    }
}

/// `["load_balancer", 0, "container_port"]` as `load_balancer[0].container_port`.
fn path(steps: &[Value]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Value::String(name) if text.is_empty() => text.push_str(name),
            Value::String(name) => text.push_str(&format!(".{name}")),
            other => text.push_str(&format!("[{other}]")),
        }
    }
    text
}

fn action(actions: &[String]) -> Result<Option<Action>, Vec<String>> {
    let words: Vec<&str> = actions.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["no-op"] | ["read"] => Ok(None),
        ["create"] => Ok(Some(Action::Create)),
        ["update"] => Ok(Some(Action::Update)),
        ["delete"] => Ok(Some(Action::Delete)),
        ["forget"] => Ok(Some(Action::Forget)),
        ["delete", "create"] | ["create", "delete"] | ["create", "forget"] => {
            Ok(Some(Action::Replace))
        }
        _ => Err(actions.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_what_is_there() {
        let state = r#"{"format_version":"1.0","values":{"root_module":{
            "resources":[{"address":"data.a.b","mode":"data","type":"a","values":{}},
                {"address":"aws_lb.main","mode":"managed","type":"aws_lb","values":{"name":"x"}}],
            "child_modules":[{"resources":[
                {"address":"module.m.aws_vpc.v","mode":"managed","type":"aws_vpc","values":{}}]}]}}}"#;
        let there = of_state(state).expect("a state");
        let addresses: Vec<&str> = there.iter().map(|r| r.address.as_str()).collect();
        assert_eq!(addresses, ["aws_lb.main", "module.m.aws_vpc.v"]);
        assert_eq!(there[0].values["name"], "x");
        assert_eq!(of_state(r#"{"format_version":"1.0"}"#).expect("empty"), []);
        assert!(of_state(r#"{"format_version":"2.0"}"#).is_err());
        assert!(of_state("no").is_err());
    }

    fn plan_of(actions: &str, mode: &str) -> Result<Plan, UnreadablePlan> {
        Plan::parse(&format!(
            r#"{{"format_version":"1.2","resource_changes":[
                {{"address":"aws_lb.front","mode":"{mode}","change":{{"actions":{actions}}}}}]}}"#
        ))
    }

    #[test]
    fn every_documented_action_has_its_meaning() {
        let table = [
            (r#"["no-op"]"#, None),
            (r#"["read"]"#, None),
            (r#"["create"]"#, Some(Action::Create)),
            (r#"["update"]"#, Some(Action::Update)),
            (r#"["delete"]"#, Some(Action::Delete)),
            (r#"["delete","create"]"#, Some(Action::Replace)),
            (r#"["create","delete"]"#, Some(Action::Replace)),
            (r#"["forget"]"#, Some(Action::Forget)),
        ];
        for (actions, expected) in table {
            let plan = plan_of(actions, "managed").expect(actions);
            assert_eq!(
                plan.changes.first().map(|c| c.action),
                expected,
                "{actions}"
            );
        }
    }

    #[test]
    fn an_undocumented_action_is_an_error_that_names_the_resource() {
        let error = plan_of(r#"["explode"]"#, "managed").expect_err("must not be guessed");
        assert!(error.to_string().contains("aws_lb.front"), "{error}");
    }

    #[test]
    fn a_data_source_is_no_change() {
        assert!(plan_of(r#"["create"]"#, "data").expect("plan").is_empty());
    }

    #[test]
    fn a_plan_that_only_writes_outputs_is_not_empty() {
        let plan = Plan::parse(
            r#"{"format_version":"1.2","output_changes":{"url":{"actions":["create"]}}}"#,
        )
        .expect("plan");
        assert!(!plan.is_empty());
        assert_eq!(plan.describe(), "outputs change");
    }

    #[test]
    fn resources_of_all_modules_are_there_with_what_is_unknown() {
        let plan = Plan::parse(
            r#"{"format_version":"1.2",
                "resource_changes":[{"address":"module.a.aws_lb.b","mode":"managed",
                  "change":{"actions":["create"],"after_unknown":{"arn":true}}}],
                "planned_values":{"root_module":{
                  "resources":[{"address":"aws_vpc.a","mode":"managed","type":"aws_vpc","values":{"id":"v"}},
                               {"address":"data.aws_region.a","mode":"data","type":"aws_region"}],
                  "child_modules":[{"resources":[
                    {"address":"module.a.aws_lb.b","mode":"managed","type":"aws_lb","values":{"name":"b"}}]}]}}}"#,
        )
        .expect("plan");
        let seen: Vec<(&str, &str, bool)> = plan
            .resources
            .iter()
            .map(|r| {
                (
                    r.address.as_str(),
                    r.kind.as_str(),
                    r.unknown["arn"] == true,
                )
            })
            .collect();
        let expected = [
            ("aws_vpc.a", "aws_vpc", false),
            ("module.a.aws_lb.b", "aws_lb", true),
        ];
        assert_eq!(seen, expected);
        let deferred: Vec<&str> = plan.deferred.iter().map(|r| r.address.as_str()).collect();
        assert_eq!(deferred, ["data.aws_region.a"]);
    }

    #[test]
    fn a_replacement_names_what_forces_it() {
        let plan = Plan::parse(
            r#"{"format_version":"1.2","resource_changes":[
                {"address":"aws_ecs_service.slot[\"blue\"]","mode":"managed","type":"aws_ecs_service",
                 "action_reason":"replace_because_cannot_update",
                 "change":{"actions":["delete","create"],
                           "replace_paths":[["load_balancer",0,"container_port"],["name"]]}}]}"#,
        )
        .expect("plan");
        let change = plan.changes.first().expect("a change");
        assert_eq!(change.kind, "aws_ecs_service");
        assert_eq!(
            change.forced_by,
            ["load_balancer[0].container_port", "name"]
        );
        assert_eq!(
            change.reason.as_deref(),
            Some("replace_because_cannot_update")
        );
    }

    #[test]
    fn another_major_version_is_refused() {
        assert!(Plan::parse(r#"{"format_version":"2.0"}"#).is_err());
        assert!(Plan::parse("Plan: 3 to add").is_err());
    }

    #[test]
    fn a_summary_counts_by_fate() {
        let change = |address: &str, action| Change::new(address, "aws_lb", action);
        let plan = Plan {
            changes: vec![
                change("a", Action::Create),
                change("b", Action::Create),
                change("c", Action::Replace),
            ],
            outputs_change: true,
            ..Plan::default()
        };
        assert_eq!(plan.describe(), "2 to create, 1 to replace");
        assert_eq!(plan.destroyed().count(), 1);
        assert_eq!(Plan::default().describe(), "no changes");
    }
}
