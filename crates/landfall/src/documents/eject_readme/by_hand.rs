//! How to release a new version without landfall, and how to keep or remove the edge.

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
            "Build the app, add the edge as landfall does, push, and read the digest. The tag is only for people.",
        ),
        false => (
            format!("{build} -t $REPOSITORY:$TAG .\n"),
            "Build, push, and read the digest. The tag is only for people.",
        ),
    };
    format!(
        "{built}

```sh
export AWS_DEFAULT_REGION={region}
export BUILDX_NO_DEFAULT_ATTESTATIONS=1   # a single image, not an index: Lambda rejects an index
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
    // The emulator's Lambda needs the bridge first.
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
        "Publish a version next to the one that serves. It gets the memory and the variables of that version. The variables contain the edge's secret, so they are written to a
file that only you can read. `{revision}` has to change, because landfall identifies versions by it.

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

Then switch all users to it at once. The same command with `$BEFORE` switches them back:

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
        "Start it in the slot that serves no users. It gets a copy of the serving task definition. That contains the edge's secret, so it is written to a file
that only you can read. The label `{label}` is removed, because landfall identifies versions by it.

```sh
LIVE={live}      # served users when this was written; each release swaps the two
IDLE={idle}
aws elbv2 describe-listeners --listener-arns {listener} \\
  --query 'Listeners[0].DefaultActions' --output json   # does it forward to $LIVE?
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

Wait until its tasks are healthy, then switch all users to it at once. The same with `$LIVE` switches them back, as long as its tasks run:

```sh
blue={blue}
green={green}
eval TO=\\$$IDLE
aws elbv2 wait target-in-service --target-group-arn $TO
aws elbv2 modify-listener --listener-arn {listener} --default-actions \\
  \"[{{\\\"Type\\\":\\\"forward\\\",\\\"ForwardConfig\\\":{{\\\"TargetGroups\\\":[{{\\\"TargetGroupArn\\\":\\\"$TO\\\",\\\"Weight\\\":100}}]}}}}]\" > /dev/null
```

When the new version works, and the old one has answered its last requests:

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

`edge = false`: the image contains only the app, and nothing of landfall's.
"
        .to_owned();
    }
    let without = match subject.target {
        Target::Lambda(_) => {
            "**Without it** the image has to implement Lambda's Runtime API in another way: with AWS's
[Lambda Web Adapter](https://github.com/awslabs/aws-lambda-web-adapter), or with an AWS base image for the app's language. Nothing
changes in Terraform: release a new version as above."
                .to_owned()
        }
        Target::Fargate { .. } => format!(
            "**Without it** the app has to listen on port {port} itself, because the services cannot change their port (for another one, destroy `fargate/` and
apply it again). In `fargate/terraform.tfvars.json` set `\"health_path\": \"/\"`, or another path that the app answers with success, and
`\"unhealthy_threshold\": 10`, because nothing distinguishes a random error from an app that is down any more.",
            port = edge_contract::PORT,
        ),
    };
    format!(
        "## The edge

In the image `{EDGE}` is the entry point: a small static program that starts the app, forwards requests to it, retries repeatable ones when the app fails
at random, and restarts the app when it ends. It is a layer of the image and needs nothing else of landfall's; its settings are the variables
`LANDFALL_EDGE_…`. `{secret}` gives access to its counts, and to nothing else. No file here contains it.

**With it**, release as above: each build copies the program from an image that contains it. Keep one of them: the registry deletes all but the newest twenty.

{without}
",
        secret = edge_contract::SECRET_VARIABLE,
    )
}
