//! Environments for tests.

use super::{State, Subject, Target};
use rules::app::manifest::{AppName, Architecture, EnvironmentName};
use rules::app::names::{Names, Slot, Slots};
use rules::leave::eject::Whose;
use rules::shape::contract::{FargateOutputs, FoundationOutputs, LambdaOutputs};

pub(super) struct Sample {
    names: Names,
    whose: Whose,
    foundation: FoundationOutputs,
    target: Outputs,
    serving: String,
    edge: bool,
    domain: bool,
    ci: bool,
    state: State<'static>,
    emulators: Option<(&'static str, &'static str)>,
}

enum Outputs {
    Lambda(LambdaOutputs),
    Fargate(FargateOutputs),
}

impl Sample {
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            whose: &self.whose,
            names: &self.names,
            landfall: "0.1.0",
            tools: "Terraform 1.15.5, hashicorp/aws 6.62.0".to_owned(),
            state: self.state,
            foundation: &self.foundation,
            target: match &self.target {
                Outputs::Lambda(outputs) => Target::Lambda(outputs),
                Outputs::Fargate(outputs) => Target::Fargate {
                    outputs,
                    live: Slot::Green,
                },
            },
            domain: self.domain,
            ci: self.ci,
            serving: Some(&self.serving),
            edge: self.edge,
            architecture: Architecture::X86_64,
            count: 2,
            emulators: self.emulators,
        }
    }
}

fn sample(rehearsal: bool, target: Outputs) -> Sample {
    let names = Names::new(
        AppName::parse("hello").expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    );
    let account = "123456789012";
    let registry = "123456789012.dkr.ecr.eu-west-2.amazonaws.com";
    Sample {
        whose: Whose::of(&names, account, "eu-west-2", rehearsal),
        names,
        foundation: FoundationOutputs {
            repository_url: format!("{registry}/hello-prod"),
            repository_name: "hello-prod".into(),
            log_group: "/landfall/hello-prod".into(),
            execution_role_arn: format!("arn:aws:iam::{account}:role/hello-prod-execution"),
            task_role_arn: format!("arn:aws:iam::{account}:role/hello-prod-task"),
            alarm_topic_arn: format!("arn:aws:sns:eu-west-2:{account}:hello-prod-alarms"),
        },
        target,
        serving: format!("{registry}/hello-prod@sha256:{}", "ab".repeat(32)),
        edge: true,
        domain: false,
        ci: false,
        state: State::Bucket("landfall-123456789012-eu-west-2-hello-prod"),
        emulators: None,
    }
}

fn function(url: &str) -> Outputs {
    Outputs::Lambda(LambdaOutputs {
        url: url.into(),
        api_id: "a1b2c3".into(),
        function: "hello-prod".into(),
        function_arn: "arn:aws:lambda:eu-west-2:123456789012:function:hello-prod".into(),
        alias: "live".into(),
        log_group: "/aws/lambda/hello-prod".into(),
        access_log_group: "/aws/vendedlogs/landfall/hello-prod/access".into(),
        role_arn: "arn:aws:iam::123456789012:role/hello-prod-function".into(),
    })
}

pub(super) fn lambda() -> Sample {
    let url = "https://a1b2c3.execute-api.eu-west-2.amazonaws.com";
    Sample {
        domain: true,
        ci: true,
        ..sample(false, function(url))
    }
}

pub(super) fn fargate() -> Sample {
    sample(false, containers("https://d111111abcdef8.cloudfront.net"))
}

pub(super) fn rehearsal() -> Sample {
    Sample {
        edge: false,
        state: State::Copied {
            home: "/home/me/.local/state/landfall/rehearsal/123456789012-eu-west-2/hello-prod",
        },
        emulators: Some(("http://127.0.0.1:4566", "http://127.0.0.1:4567")),
        ..sample(true, containers("http://127.0.0.1:32768"))
    }
}

fn containers(url: &str) -> Outputs {
    let arn = "arn:aws:elasticloadbalancing:eu-west-2:123456789012";
    let slots = |stem: &str| Slots {
        blue: format!("{stem}-blue"),
        green: format!("{stem}-green"),
    };
    Outputs::Fargate(FargateOutputs {
        url: url.into(),
        distribution_id: "E1".into(),
        load_balancer_arn: format!("{arn}:loadbalancer/app/hello-prod/1"),
        load_balancer_dns_name: "hello-prod-1.eu-west-2.elb.amazonaws.com".into(),
        listener_arn: format!("{arn}:listener/app/hello-prod/1/2"),
        slot_rules: slots(&format!("{arn}:listener-rule/app/hello-prod/1/2/3")),
        cluster: "hello-prod".into(),
        services: slots("hello-prod"),
        target_groups: slots(&format!("{arn}:targetgroup/hello-prod/4")),
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        task_security_group: "sg-1".into(),
    })
}
