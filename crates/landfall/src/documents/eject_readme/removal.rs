//! How to remove everything without landfall.

use super::{State, Subject, Target};

/// `## Removing everything`.
pub(super) fn removal(subject: &Subject<'_>) -> String {
    let mut steps = Vec::new();
    if subject.ci {
        steps.push(format!(
            "Delete the roles of CI jobs first, so that no job creates anything again:

```sh
terraform -chdir=ci init
terraform -chdir=ci destroy
```

The identity provider that the roles trust belongs to the account and is in no root. `aws iam list-open-id-connect-providers` shows it. Delete it with
`aws iam delete-open-id-connect-provider` if no other role of account {} trusts it.
",
            subject.whose.account
        ));
    }
    steps.push(match subject.target {
        Target::Lambda(_) => "Delete what runs:

```sh
terraform -chdir=lambda destroy
```
"
        .to_owned(),
        Target::Fargate { .. } => tasks(subject),
    });
    let repository = &subject.foundation.repository_name;
    steps.push(format!(
        "Delete the images, because newer providers do not delete a repository that contains any, and the rest:

```sh
aws ecr list-images --repository-name {repository} --query imageIds --output json > images.json
aws ecr batch-delete-image --repository-name {repository} --image-ids file://images.json > /dev/null
rm images.json
terraform -chdir=foundation destroy
```
"
    ));
    if let State::Bucket(bucket) = subject.state {
        steps.push(format!(
            "Delete the bucket of the states last, with every version of every object. Repeat this if it contains more than a thousand:

```sh
BUCKET={bucket}
aws s3api list-object-versions --bucket $BUCKET --max-items 1000 --output json \\
  | jq '{{Objects: [(.Versions // [])[], (.DeleteMarkers // [])[] | {{Key, VersionId}}], Quiet: true}}' > versions.json
aws s3api delete-objects --bucket $BUCKET --delete file://versions.json
rm versions.json
aws s3api delete-bucket --bucket $BUCKET
```
"
        ));
    }
    format!(
        "## Removing everything

`landfall down` still does all of this. By hand, in this order:

{}
To find what is left, search for the tag `landfall:app`: `aws resourcegroupstaggingapi get-resources --tag-filters
Key=landfall:app,Values={}`. For a while it may list resources that no longer exist.
",
        steps.join("\n"),
        subject.whose.name,
    )
}

fn tasks(subject: &Subject<'_>) -> String {
    let Target::Fargate { outputs, .. } = subject.target else {
        return String::new();
    };
    let (cluster, services) = (&outputs.cluster, &outputs.services);
    let (family, placeholder) = (subject.names.family(), subject.names.placeholder_family());
    format!(
        "Delete what runs, and the task definitions, which Terraform does not manage:

```sh
for service in {blue} {green}; do
  aws ecs update-service --cluster {cluster} --service $service --desired-count 0 > /dev/null
done
terraform -chdir=fargate destroy
for family in {family} {placeholder}; do
  for definition in $(aws ecs list-task-definitions --family-prefix $family --query 'taskDefinitionArns[]' --output text); do
    aws ecs deregister-task-definition --task-definition $definition > /dev/null
  done
  for definition in $(aws ecs list-task-definitions --family-prefix $family --status INACTIVE --query 'taskDefinitionArns[]' --output text); do
    aws ecs delete-task-definitions --task-definitions $definition > /dev/null
  done
done
```
",
        blue = services.blue,
        green = services.green,
    )
}
