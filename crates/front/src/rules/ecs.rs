//! ECS: when a service gets a new deployment, and what task definitions look like.

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Concern, Kind, On, Rule};
use crate::state::Starved;
use crate::world::World;
use serde_json::{Value, json};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "ecs-unchanged-definition-no-deployment",
        concerns: &[("ecs", &["UpdateService"])],
        kind: Kind::Rewrite,
        on: On::Default,
        summary: "An update with the task definition that the service has starts no deployment, so \
                  the deployment keeps its createdAt.",
        source: "botocore ecs 2014-11-13, UpdateService",
        apply: Apply::Request(unchanged),
    },
    Rule {
        id: "ecs-vcpu-limit",
        concerns: &[(
            "ecs",
            &[
                "CreateService",
                "UpdateService",
                "DescribeServices",
                "RunTask",
            ],
        )],
        kind: Kind::HoldBack,
        on: On::Scenario("vcpu-limit"),
        summary: "The account's vCPUs are used up: a service gets no task, only an event, and \
                  RunTask returns a failure.",
        source: "https://repost.aws/questions/QUmYO0T8YKQgG5zOMJQ7HsMw",
        apply: Apply::Both(starve, show_starved),
    },
    Rule {
        id: "ecs-tmpfs-refused",
        concerns: &[("ecs", &["RegisterTaskDefinition"])],
        kind: Kind::Refuse,
        on: On::Scenario("tmpfs-refused"),
        summary: "A region in which Fargate has no directories in memory refuses them, or, with the value \
                  `options`, only their mount options.",
        source: "https://github.com/aws/containers-roadmap/issues/736",
        apply: Apply::Request(refuse_tmpfs),
    },
    Rule {
        id: "ecs-task-definition-defaults",
        concerns: &[("ecs", &["RegisterTaskDefinition", "DescribeTaskDefinition"])],
        kind: Kind::Rewrite,
        on: On::Default,
        summary: "Task definitions come back with the defaults that AWS adds, such as an empty \
                  capabilities.add.",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html",
        apply: Apply::Response(defaults),
    },
];

pub(super) const OBSERVED: &[Concern] = &[(
    "ecs",
    &[
        "CreateService",
        "UpdateService",
        "DescribeServices",
        "DeleteService",
    ],
)];

fn refuse_tmpfs(world: &mut World, call: &Call) -> Before {
    let body = call.json();
    let containers = body["containerDefinitions"].as_array();
    let mut mounts = containers
        .into_iter()
        .flatten()
        .filter_map(|container| container["linuxParameters"]["tmpfs"].as_array())
        .flatten();
    let only_options = world.value("tmpfs-refused") == Some("options");
    let is_refused = mounts.any(|mount| !only_options || mount["mountOptions"].is_array());
    if !is_refused {
        return Before::Pass;
    }
    let message = match only_options {
        true => "Invalid mountOptions in 'tmpfs' for tasks using the Fargate launch type.",
        false => "The 'tmpfs' parameter is not supported for tasks using the Fargate launch type.",
    };
    Before::Answer(Answer::error(call, 400, "ClientException", message))
}

const NO_VCPU: &str = "You've reached the limit on the number of vCPUs you can run concurrently";

/// Parameters that start a deployment whatever their value.
const TRIGGERS: [&str; 9] = [
    "capacityProviderStrategy",
    "deploymentController",
    "loadBalancers",
    "networkConfiguration",
    "platformVersion",
    "serviceConnectConfiguration",
    "serviceRegistries",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// `cluster/service` of a request.
fn asked(request: &Value) -> String {
    let cluster = request["cluster"].as_str().unwrap_or("default");
    let service = request["service"]
        .as_str()
        .or(request["serviceName"].as_str());
    format!("{}/{}", last(cluster), last(service.unwrap_or_default()))
}

/// `cluster/service` of a described service.
fn described(service: &Value) -> String {
    let cluster = service["clusterArn"].as_str().unwrap_or("default");
    let name = service["serviceName"].as_str().unwrap_or_default();
    format!("{}/{name}", last(cluster))
}

/// The services in a response.
fn services(answer: &mut Value) -> Vec<&mut Value> {
    if answer["service"].is_object() {
        return vec![&mut answer["service"]];
    }
    let all = answer["services"].as_array_mut();
    all.into_iter().flatten().collect()
}

pub(super) fn observe(world: &mut World, call: &Call, answer: &Answer) {
    let mut answer = answer.json();
    for service in services(&mut answer) {
        let key = described(service);
        let known = &mut world.state.ecs;
        if call.operation == "DeleteService" {
            known.definitions.remove(&key);
            known.desired.remove(&key);
            known.starved.remove(&key);
            continue;
        }
        if let Some(definition) = service["taskDefinition"].as_str() {
            known.definitions.insert(key.clone(), definition.to_owned());
        }
        if let Some(desired) = service["desiredCount"].as_i64() {
            known.desired.insert(key, desired);
        }
    }
}

fn unchanged(world: &mut World, call: &Call) -> Before {
    let mut request = call.json();
    let has_trigger = TRIGGERS.iter().any(|name| !request[*name].is_null());
    if request["forceNewDeployment"] == true || has_trigger {
        return Before::Pass;
    }
    let Some(wanted) = request["taskDefinition"].as_str() else {
        return Before::Pass;
    };
    let Some(present) = world.state.ecs.definitions.get(&asked(&request)) else {
        return Before::Pass;
    };
    if wanted != present && wanted != last(present) {
        return Before::Pass;
    }
    // The emulator starts a deployment whenever the request names a definition.
    if let Some(request) = request.as_object_mut() {
        request.remove("taskDefinition");
    }
    Before::Body(request.to_string().into())
}

fn starve(world: &mut World, call: &Call) -> Before {
    let mut request = call.json();
    if call.operation == "RunTask" {
        let reason = format!("{NO_VCPU}.");
        let failure = json!({"tasks": [], "failures": [{"reason": reason}]});
        let mut answer = Answer::of_json(200, &failure);
        let kind = http::HeaderValue::from_static("application/x-amz-json-1.1");
        answer.headers.insert("content-type", kind);
        return Before::Answer(answer);
    }
    let Some(desired) = request["desiredCount"].as_i64() else {
        return Before::Pass;
    };
    let key = asked(&request);
    let services = &mut world.state.ecs;
    let running = services.desired.get(&key).copied().unwrap_or(0);
    if desired <= running {
        services.starved.remove(&key);
        return Before::Pass;
    }
    let starved = Starved {
        desired,
        at: world.now,
        event: world.random.id(),
    };
    services.starved.insert(key, starved);
    request["desiredCount"] = json!(running);
    Before::Body(request.to_string().into())
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds fit")]
fn show_starved(world: &mut World, _: &Call, answer: &mut Answer) {
    let starved = &world.state.ecs.starved;
    answer.edit(|answer| {
        for service in services(answer) {
            let Some(starved) = starved.get(&described(service)) else {
                continue;
            };
            let at = starved.at.0 as f64 / 1_000.0;
            service["desiredCount"] = json!(starved.desired);
            let deployments = service["deployments"].as_array_mut();
            for deployment in deployments.into_iter().flatten() {
                if deployment["status"] == "PRIMARY" {
                    deployment["desiredCount"] = json!(starved.desired);
                    deployment["rolloutState"] = json!("IN_PROGRESS");
                }
            }
            let name = service["serviceName"].as_str().unwrap_or_default();
            let message =
                format!("(service {name}) was unable to place a task. Reason: {NO_VCPU}.");
            let event = json!({"id": starved.event, "createdAt": at, "message": message});
            match service["events"].as_array_mut() {
                Some(events) => events.insert(0, event),
                None => service["events"] = json!([event]),
            }
        }
    });
}

fn defaults(_: &mut World, _: &Call, answer: &mut Answer) {
    answer.edit(|answer| {
        let definition = &mut answer["taskDefinition"];
        if !definition.is_object() {
            return;
        }
        for name in ["placementConstraints", "volumes"] {
            add(definition, name, json!([]));
        }
        let containers = definition["containerDefinitions"].as_array_mut();
        for container in containers.into_iter().flatten() {
            for (name, value) in [
                ("cpu", json!(0)),
                ("essential", json!(true)),
                ("environment", json!([])),
                ("mountPoints", json!([])),
                ("portMappings", json!([])),
                ("systemControls", json!([])),
                ("volumesFrom", json!([])),
            ] {
                add(container, name, value);
            }
            let mappings = container["portMappings"].as_array_mut();
            for mapping in mappings.into_iter().flatten() {
                let port = mapping["containerPort"].clone();
                add(mapping, "hostPort", port);
                add(mapping, "protocol", json!("tcp"));
            }
            let capabilities = container.pointer_mut("/linuxParameters/capabilities");
            if let Some(capabilities) = capabilities {
                add(capabilities, "add", json!([]));
                add(capabilities, "drop", json!([]));
            }
        }
    });
}

/// Gives a key a value unless it has one.
fn add(object: &mut Value, name: &str, value: Value) {
    if object[name].is_null()
        && let Some(object) = object.as_object_mut()
    {
        object.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use crate::request::Call;
    use crate::rules::testing::{Bench, target};
    use serde_json::{Value, json};

    #[test]
    fn a_region_without_directories_in_memory_refuses_them() {
        let register = |mount: Value| {
            target(
                "ecs",
                "RegisterTaskDefinition",
                &json!({"containerDefinitions": [{"linuxParameters": {"tmpfs": [mount]}}]}),
            )
        };
        let with_options = register(json!({"containerPath": "/tmp", "mountOptions": ["rw"]}));
        let without = register(json!({"containerPath": "/tmp"}));
        assert_eq!(Bench::new().refusal(&with_options), None);
        let mut bench = Bench::of("tmpfs-refused");
        let (status, text) = bench.refusal(&without).expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.contains("ClientException"), "{text}");
        bench
            .front
            .select("tmpfs-refused", "options")
            .expect("known");
        assert!(bench.refusal(&with_options).is_some());
        assert_eq!(bench.refusal(&without), None);
    }

    const OLD: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/app:3";

    fn service(desired: i64) -> Value {
        json!({
            "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/app",
            "serviceName": "app-blue",
            "taskDefinition": OLD,
            "desiredCount": desired,
            "deployments": [{"status": "PRIMARY", "desiredCount": desired}],
            "events": [],
        })
    }

    fn update(more: &Value) -> Call {
        let mut body = json!({"cluster": "app", "service": "app-blue"});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        target("ecs", "UpdateService", &body)
    }

    #[test]
    fn an_unchanged_definition_is_not_forwarded() {
        let mut bench = Bench::new();
        let same = update(&json!({"taskDefinition": OLD, "desiredCount": 2}));
        assert_eq!(
            bench.forwarded(&same)["taskDefinition"],
            OLD,
            "nothing is known yet"
        );
        let describe = target("ecs", "DescribeServices", &json!({}));
        bench.json(&describe, &json!({"services": [service(0)]}));
        assert_eq!(bench.forwarded(&same)["taskDefinition"], Value::Null);
        assert_eq!(bench.forwarded(&same)["desiredCount"], 2);
        let short = update(&json!({"taskDefinition": "app:3"}));
        assert_eq!(bench.forwarded(&short)["taskDefinition"], Value::Null);
        for other in [
            json!({"taskDefinition": "app:4"}),
            json!({"taskDefinition": OLD, "forceNewDeployment": true}),
            json!({"taskDefinition": OLD, "networkConfiguration": {}}),
        ] {
            let sent = bench.forwarded(&update(&other));
            assert!(sent["taskDefinition"].is_string(), "{other}");
        }
    }

    #[test]
    fn no_vcpus_are_left_for_more_tasks() {
        let mut bench = Bench::of("vcpu-limit");
        let up = update(&json!({"desiredCount": 2}));
        assert_eq!(bench.forwarded(&up)["desiredCount"], 0);
        let describe = target("ecs", "DescribeServices", &json!({}));
        let seen = bench.json(&describe, &json!({"services": [service(0)]}));
        let seen = &seen["services"][0];
        assert_eq!(seen["desiredCount"], 2);
        assert_eq!(seen["deployments"][0]["desiredCount"], 2);
        let event = seen["events"][0]["message"].as_str().expect("an event");
        assert!(event.contains("unable to place a task"), "{event}");
        let run = target("ecs", "RunTask", &json!({}));
        let failed = bench.json(&run, &json!({"tasks": [{}]}));
        assert_eq!(failed["tasks"], json!([]));
        // Tasks that run already go on running.
        bench.json(&describe, &json!({"services": [service(3)]}));
        assert_eq!(bench.forwarded(&up)["desiredCount"], 2);
        let down = update(&json!({"desiredCount": 0}));
        assert_eq!(bench.forwarded(&down)["desiredCount"], 0);
        let seen = bench.json(&describe, &json!({"services": [service(0)]}));
        assert_eq!(seen["services"][0], service(0));
    }

    #[test]
    fn task_definitions_come_back_with_defaults() {
        let mut bench = Bench::new();
        let describe = target("ecs", "DescribeTaskDefinition", &json!({}));
        let container = json!({
            "name": "app",
            "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
            "portMappings": [{"containerPort": 8080}],
        });
        let stored = json!({"taskDefinition": {"containerDefinitions": [container]}});
        let seen = bench.json(&describe, &stored);
        let container = &seen["taskDefinition"]["containerDefinitions"][0];
        assert_eq!(
            container["linuxParameters"]["capabilities"],
            json!({"add": [], "drop": ["ALL"]})
        );
        assert_eq!(container["mountPoints"], json!([]));
        assert_eq!(container["portMappings"][0]["hostPort"], 8080);
        assert_eq!(seen["taskDefinition"]["volumes"], json!([]));
    }
}
