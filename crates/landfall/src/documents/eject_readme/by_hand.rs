//! How a new version is released without landfall, and what becomes of the edge.

use super::{EDGE, Subject, Target};
use edge_contract::{self, bridge};
use rules::app::manifest::Architecture;
use rules::app::names::{CONTAINER, LABEL_REVISION};

/// `## A new version`.
pub(super) fn release(subject: &Subject<'_>) -> String {
    let steps = match subject.target {
        Target::Lambda(outputs) => function(subject, &outputs.function, &outputs.alias),
        Target::Fargate { .. } => services(subject),
    };
    format!("## A new version\n\n{}\n{steps}", image(subject))
}

/// Building and pushing, until `$IMAGE` is the new image by digest.
fn image(subject: &Subject<'_>) -> String {
    let repository = &subject.foundation.repository_url;
    let host = repository.split('/').next().unwrap_or_default();
    let platform = match subject.architecture {
        Architecture::X86_64 => "linux/amd64",
        Architecture::Arm64 => "linux/arm64",
    };
    let region = &subject.whose.region;
    let build = format!("docker build --platform {platform}");
    let (before, built) = match subject.edge {
        true => (
            format!("{build} -t app:$TAG .\n{}", with_edge(subject, &build)),
            "Build the app, add the edge as landfall did, push, and take the digest: tags are for people.",
        ),
        false => (
            format!("{build} -t $REPOSITORY:$TAG .\n"),
            "Build, push, and take the digest: tags are for people.",
        ),
    };
    format!(
        "{built}

```sh
export AWS_DEFAULT_REGION={region}
export BUILDX_NO_DEFAULT_ATTESTATIONS=1   # an image, and no index of several: Lambda takes none
REPOSITORY={repository}
TAG=$(date -u +%Y%m%d-%H%M%S)
aws ecr get-login-password | docker login --username AWS --password-stdin {host}
{before}docker push $REPOSITORY:$TAG
IMAGE=$REPOSITORY@$(aws ecr describe-images --repository-name {name} --image-ids imageTag=$TAG \\
  --query 'imageDetails[0].imageDigest' --output text)
```
",
        name = subject.foundation.repository_name,
    )
}

fn with_edge(subject: &Subject<'_>, build: &str) -> String {
    let serving = subject.serving.unwrap_or("IMAGE-WITH-AN-EDGE");
    let directory = EDGE
        .rsplit_once('/')
        .map_or(EDGE, |(directory, _)| directory);
    // The emulator's Lambda wants the bridge first.
    let first = match (subject.target, subject.emulators) {
        (Target::Lambda(_), Some(_)) => format!("\"{}\", \"--\", ", bridge::PATH),
        _ => String::new(),
    };
    format!(
        "ENTRY=$(docker image inspect app:$TAG | jq -c '[{first}\"{EDGE}\", \"--\"] + (.[0].Config.Entrypoint // []) + (.[0].Config.Cmd // [])')
{build} -t $REPOSITORY:$TAG - <<DOCKERFILE
FROM app:$TAG
COPY --from={serving} {directory} {directory}
ENTRYPOINT $ENTRY
CMD []
DOCKERFILE
"
    )
}

fn function(subject: &Subject<'_>, function: &str, alias: &str) -> String {
    let architecture = subject.architecture;
    let asked = match subject.edge {
        true => {
            "aws lambda invoke --function-name $FUNCTION --qualifier $VERSION --cli-binary-format raw-in-base64-out \\
  --payload '{\"landfall\":\"probe\",\"path\":\"/\"}' answer.json > /dev/null && cat answer.json   # \"status\":200?
"
        }
        false => "",
    };
    let aws_lambda = "--function-name $FUNCTION";
    format!(
        "Publish a version beside the one that serves. It takes over that one's memory and variables, among which is the edge's secret, so they go through a file that only
you can read. `{revision}` has to be another one: by it landfall would know the version.

```sh
FUNCTION={function}
BEFORE=$(aws lambda get-alias {aws_lambda} --name {alias} --query FunctionVersion --output text)
(umask 077; aws lambda get-function-configuration {aws_lambda} --qualifier {alias} --output json \\
  | jq --arg tag \"$TAG\" '{{FunctionName: \"{function}\", MemorySize,
      Environment: {{Variables: ((.Environment.Variables // {{}}) + {{{revision}: $tag}})}}}}' > settings.json)
aws lambda update-function-configuration --cli-input-json file://settings.json > /dev/null
rm settings.json
aws lambda wait function-updated {aws_lambda}
aws lambda update-function-code {aws_lambda} --image-uri $IMAGE --architectures {architecture} > /dev/null
aws lambda wait function-updated {aws_lambda}
VERSION=$(aws lambda publish-version {aws_lambda} --query Version --output text)
{asked}```

Then users get it, all at once. The same command with `$BEFORE` takes them back:

```sh
aws lambda update-alias {aws_lambda} --name {alias} --function-version $VERSION --routing-config 'AdditionalVersionWeights={{}}'
```
",
        revision = edge_contract::REVISION_VARIABLE,
    )
}

fn services(subject: &Subject<'_>) -> String {
    let Target::Fargate { outputs, live } = subject.target else {
        return String::new();
    };
    let (cluster, listener) = (&outputs.cluster, &outputs.listener_arn);
    let idle = live.other();
    let service = outputs
        .services
        .of(live)
        .strip_suffix(&format!("-{live}"))
        .unwrap_or_default();
    format!(
        "Start it in the slot that serves nobody. It takes over the task definition of the one that serves, in which the edge's secret stands, so it goes through a file
that only you can read. The label `{label}` goes: by it landfall would know the version.

```sh
LIVE={live}      # serves now, as of this text; with each release the two change places
IDLE={idle}
aws elbv2 describe-listeners --listener-arns {listener} \\
  --query 'Listeners[0].DefaultActions' --output json   # does it lead to $LIVE?
CLUSTER={cluster}
SERVING=$(aws ecs describe-services --cluster $CLUSTER --services {service}-$LIVE --query 'services[0].taskDefinition' --output text)
(umask 077; aws ecs describe-task-definition --task-definition $SERVING --query taskDefinition --output json \\
  | jq --arg image \"$IMAGE\" --arg tag \"$TAG\" '
      .containerDefinitions |= map(if .name != \"{CONTAINER}\" then . else
          .image = $image
          | del(.dockerLabels[\"{label}\"]?)
          | .environment |= map(if .name == \"{revision}\" then .value = $tag else . end)
        end)
      | del(.taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, .registeredBy)' > task.json)
NEW=$(aws ecs register-task-definition --cli-input-json file://task.json --query taskDefinition.taskDefinitionArn --output text)
rm task.json
aws ecs update-service --cluster $CLUSTER --service {service}-$IDLE --task-definition $NEW --desired-count {count} > /dev/null
```

Wait until its tasks are healthy; then users get it, all at once. The same with `$LIVE` takes them back, as long as its tasks run:

```sh
blue={blue}
green={green}
eval TO=\\$$IDLE
aws elbv2 wait target-in-service --target-group-arn $TO
aws elbv2 modify-listener --listener-arn {listener} --default-actions \\
  \"[{{\\\"Type\\\":\\\"forward\\\",\\\"ForwardConfig\\\":{{\\\"TargetGroups\\\":[{{\\\"TargetGroupArn\\\":\\\"$TO\\\",\\\"Weight\\\":100}}]}}}}]\" > /dev/null
```

When it is well, and the requests that the old one still had are over:

```sh
aws ecs update-service --cluster $CLUSTER --service {service}-$LIVE --desired-count 0 > /dev/null
```
",
        label = LABEL_REVISION,
        revision = edge_contract::REVISION_VARIABLE,
        count = subject.count,
        blue = outputs.target_groups.blue,
        green = outputs.target_groups.green,
    )
}

/// `## The edge`.
pub(super) fn edge(subject: &Subject<'_>) -> String {
    if !subject.edge {
        return "## No edge

`edge = false`: the image is the app's own, and nothing of landfall's runs in it.
"
        .to_owned();
    }
    let without = match subject.target {
        Target::Lambda(_) => {
            "**Without it** the image has to speak Lambda's Runtime API some other way: by AWS's
[Lambda Web Adapter](https://github.com/awslabs/aws-lambda-web-adapter), or by a base image of AWS's for the app's language. Nothing
in Terraform changes for it: it is a new version as above."
                .to_owned()
        }
        Target::Fargate { .. } => format!(
            "**Without it** the app has to listen on port {port} itself, as the services are bound to that port for life (another one means to destroy and
apply `fargate/` again), and `fargate/terraform.tfvars.json` gets `\"health_path\": \"/\"`, or whatever the app answers well, and
`\"unhealthy_threshold\": 10`, as nobody tells a random error from an app that is down any more.",
            port = edge_contract::PORT,
        ),
    };
    format!(
        "## The edge

In the image `{EDGE}` is the entry point: a small static program that starts the app, hands requests on to it, tries repeatable ones again when the app errs
at random, and starts it again when it ends. It is a layer of the image and needs nothing of landfall's; its settings are the variables
`LANDFALL_EDGE_…`. `{secret}` opens its counts to whoever knows it, and nothing else. It is written into no file here.

**With it** you go on as above: each image takes the program over from one that has it. Keep one of them: the registry drops all but the newest twenty.

{without}
",
        secret = edge_contract::SECRET_VARIABLE,
    )
}
