//! The README of an ejected environment: how to operate it without landfall. Every command contains the names
//! of this environment.

mod by_hand;
mod removal;
#[cfg(test)]
mod samples;

use rules::app::manifest::Architecture;
use rules::app::names::{Names, Slot};
use rules::leave::eject::{FILE, Whose};
use rules::release::ledger::{LEASE_KEY, RELEASES_PREFIX};
use rules::shape::contract::{FargateOutputs, FoundationOutputs, LambdaOutputs, Root};

/// What the text is about.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    /// Which environment.
    pub(crate) whose: &'a Whose,
    /// Its names.
    pub(crate) names: &'a Names,
    /// Version of the landfall that writes this.
    pub(crate) landfall: &'a str,
    /// The tools that landfall planned with last, `Terraform 1.15.5, hashicorp/aws 3.39.0`.
    pub(crate) tools: String,
    /// Where the state is.
    pub(crate) state: State<'a>,
    /// Outputs of the foundation root.
    pub(crate) foundation: &'a FoundationOutputs,
    /// Outputs of the target's root.
    pub(crate) target: Target<'a>,
    /// Whether the target has a domain, and therefore a root for it.
    pub(crate) domain: bool,
    /// Whether there is a `ci` root.
    pub(crate) ci: bool,
    /// Image that serves now, by digest; [`None`] before the first release.
    pub(crate) serving: Option<&'a str>,
    /// Whether the edge is in the image.
    pub(crate) edge: bool,
    /// Processor of the image.
    pub(crate) architecture: Architecture,
    /// Tasks of a service that serves.
    pub(crate) count: u32,
    /// The emulators of a rehearsal: the main one, and that of S3.
    pub(crate) emulators: Option<(&'a str, &'a str)>,
}

/// Where the state is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum State<'a> {
    /// In this bucket, which Terraform does not know of.
    Bucket(&'a str),
    /// In each root's directory, copied there from landfall's home.
    Copied {
        /// Where landfall keeps its own.
        home: &'a str,
    },
}

/// What runs the app.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// A function.
    Lambda(&'a LambdaOutputs),
    /// Containers.
    Fargate {
        /// Outputs of its root.
        outputs: &'a FargateOutputs,
        /// The slot that serves now.
        live: Slot,
    },
}

impl Target<'_> {
    fn root(&self) -> Root {
        match self {
            Target::Lambda(_) => Root::Lambda,
            Target::Fargate { .. } => Root::Fargate,
        }
    }

    fn domain_root(&self) -> Root {
        match self {
            Target::Lambda(_) => Root::LambdaDomain,
            Target::Fargate { .. } => Root::FargateDomain,
        }
    }

    fn url(&self) -> &str {
        match self {
            Target::Lambda(outputs) => &outputs.url,
            Target::Fargate { outputs, .. } => &outputs.url,
        }
    }
}

/// The text, in Markdown.
pub(crate) fn render(subject: &Subject<'_>) -> String {
    let parts = [
        opening(subject),
        roots(subject),
        terraform(subject),
        by_hand::release(subject),
        owned(subject),
        by_hand::edge(subject),
        missing(),
        removal::removal(subject),
        back(subject),
    ];
    parts.join("\n")
}

fn opening(subject: &Subject<'_>) -> String {
    let Subject {
        whose, landfall, ..
    } = subject;
    let mut text = format!(
        "# {name} ({environment}) in plain Terraform

These directories contain everything that runs {name} ({environment}) in account {account}, {region}, as plain Terraform or OpenTofu: the same files that landfall
{landfall} uses, with this environment's variables and backend. Nothing here needs landfall. The app answers at {url}.

`landfall eject` changes nothing in the account. landfall continues to work, but **only one of the two may change the infrastructure**: each would revert
what the other changes. Before you apply anything here, stop using `landfall up`, `move` and `down`, and delete the CI workflow or pipeline if there
is one. If you change your mind, see [Back to landfall](#back-to-landfall).

The commands below are for `sh`, with the AWS CLI 2, `jq` and Docker.
",
        name = whose.name,
        environment = whose.environment,
        account = whose.account,
        region = whose.region,
        url = subject.target.url(),
    );
    if let Some((main, second)) = subject.emulators {
        text.push_str(&format!(
            "
> **This is a rehearsal.** `rehearsal_override.tf` and `backend.tf` point to the emulators at {main} and {second}, and do not work once these
> are stopped. `terraform init` and `plan` need nothing else with provider 3.39. Newer providers, and the AWS CLI, require
> `export AWS_ENDPOINT_URL={main} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={region}` (`aws s3api`: `--endpoint-url {second}`).
",
            region = whose.region,
        ));
        if matches!(subject.target, Target::Fargate { .. }) {
            text.push_str(
                "> The first `terraform destroy` in `fargate/` fails at the cluster, because the emulator deletes it immediately: run it again.\n",
            );
        }
    }
    text
}

fn roots(subject: &Subject<'_>) -> String {
    let what = |root: Root| match root {
        Root::Foundation => "registry, log group, roles, budget, alarm topic",
        Root::Lambda => "function, alias, HTTP API, their logs and alarms",
        Root::Fargate => "network, load balancer, two services, CloudFront, alarms",
        Root::LambdaDomain | Root::FargateDomain => {
            "the domain: certificate, DNS records, and the endpoint with this name"
        }
        Root::Ci => "the roles that CI jobs deploy with",
    };
    let mut all = vec![Root::Foundation, subject.target.root()];
    all.extend(subject.domain.then_some(subject.target.domain_root()));
    all.extend(subject.ci.then_some(Root::Ci));
    let rows: String = all
        .iter()
        .map(|root| {
            let state = match subject.state {
                State::Bucket(_) => format!("`{root}/terraform.tfstate` in the bucket"),
                State::Copied { .. } => format!("[`{root}/terraform.tfstate`]({root})"),
            };
            format!(
                "| [`{root}/`]({root}/README.md) | {} | {state} |\n",
                what(*root)
            )
        })
        .collect();
    let kept = match subject.state {
        State::Bucket(bucket) => format!(
            "The bucket is `{bucket}`. It is versioned and encrypted, and a file next to each state locks it. **No root creates it**, because a root cannot create the bucket of its own state.
`{LEASE_KEY}` and `{RELEASES_PREFIX}` in it are landfall's ledger: its lock, and a record of every release.
"
        ),
        State::Copied { home } => format!(
            "The states here are **copies** from `{home}`: after the first apply they differ from landfall's own. Keep this
directory: without its states Terraform does not know what exists. landfall's ledger, a record of every release, stays in `{home}/ledger/`.
"
        ),
    };
    format!(
        "## What is here

| root | creates | state |
|---|---|---|
{rows}
{kept}
No root reads the state of another: roots refer to each other's resources by name. `{FILE}` records what was written here, for `landfall adopt`; Terraform does not read it.
"
    )
}

fn terraform(subject: &Subject<'_>) -> String {
    let target = subject.target.root();
    let also = match subject.ci {
        true => format!("{target} and ci"),
        false => target.to_string(),
    };
    let domain = match subject.domain {
        true => format!(
            "- **The domain** is in `{0}/`: apply it after `{target}`, and destroy it before `{target}`. Its variables contain the name of one resource of `{target}`.\n",
            subject.target.domain_root()
        ),
        false => String::new(),
    };
    let order = match subject.target {
        Target::Lambda(_) => {
            "`foundation`, then an image in its registry (a function cannot be created without one: `image` in `lambda/terraform.tfvars.json`), then `lambda`"
        }
        Target::Fargate { .. } => {
            "`foundation` and `fargate`, in any order; alarms are not delivered before `foundation` exists"
        }
    };
    let state = match subject.state {
        State::Bucket(_) => "",
        State::Copied { .. } => {
            "- **Secrets**: a state contains what Terraform last read, including the variables of the function. Keep it out of git.\n"
        }
    };
    let gap = " ".repeat(
        Root::Foundation
            .as_str()
            .len()
            .saturating_sub(target.as_str().len()),
    );
    let tools = match subject.tools.is_empty() {
        true => String::new(),
        false => format!("; landfall planned this with {}", subject.tools),
    };
    format!(
        "## Plan and apply

```sh
terraform -chdir=foundation init
terraform -chdir=foundation plan # No changes
terraform -chdir={target} init
terraform -chdir={target} plan{gap} # No changes
```

- **Credentials** are found as usual: `AWS_PROFILE`, Identity Center, a role. `terraform` and `tofu` both work, from 1.10. After
  `aws login`, versions before Terraform 1.15 and OpenTofu 1.12 need `eval \"$(aws configure export-credentials --format env)\"`.
- **Settings** are in each root's `terraform.tfvars.json`; its `variables.tf` explains them. Name, environment and region cannot change later.
- **Providers**: `hashicorp/aws` from 6.15, below 7{tools}. `.terraform.lock.hcl` has the version that landfall used, with its checksums. Commit
  it. If `init` reports missing checksums on another kind of machine, run `terraform providers lock -platform=linux_amd64 -platform=darwin_arm64`.
- **To change something**: edit, `plan`, review, `apply`, one root at a time. A change in {also} never requires a change in another root.
- **To create everything again**: {order}.
{domain}{state}"
    )
}

fn owned(subject: &Subject<'_>) -> String {
    let (rows, none) = match subject.target {
        Target::Lambda(_) => (
            "| image, variables, memory | `aws_lambda_function.app` |
| each version's share of users | `aws_lambda_alias.live` |
",
            "landfall creates the versions and the aliases `blue` and `green`. Terraform does not know them, and they are deleted with the function. No setting contains
the processor of the function: the call that sets the image sets it too.",
        ),
        Target::Fargate { .. } => (
            "| task definition and number of tasks | `aws_ecs_service.slot` |
| each slot's share of users | `aws_lb_listener.http` |
| header value that routes to each slot | `aws_lb_listener_rule.slot` |
",
            "Terraform does not manage the task definitions of the app: the services refer to them.",
        ),
    };
    format!(
        "## What releases own

Terraform owns the infrastructure. What runs in it changes with each release, so these are in `ignore_changes`, and a plan after a release reports
\"No changes\". Leave them there, or the next apply resets them to their values at the first apply.

| what | resource |
|---|---|
{rows}
{none}
"
    )
}

fn missing() -> String {
    "## What is no longer automatic

- **Comparison**: the new version gets all users at once, and its errors are not compared with those of the old one. Only the alarms remain.
- **Rollback**: to roll back, repeat the command that switches users, with the old version.
- **Diagnosis**: if a version does not start, read its log group and what AWS reports about it.
- **Lock**: no lock prevents two releases at the same time. Terraform's own lock covers only the infrastructure.
- **Price and review**: `plan` shows neither. The budget alarm remains.
- **Search for leftovers**: after `destroy`, no command looks for what is left.
"
    .to_owned()
}

fn back(subject: &Subject<'_>) -> String {
    let moves = match subject.state {
        State::Bucket(_) => {
            "Everything that was applied here is already in the bucket's state, and landfall finds the bucket by its name from any machine; `adopt` checks this."
        }
        State::Copied { .. } => {
            "`adopt` moves the states from here into landfall's home, unless landfall itself has changed the infrastructure meanwhile."
        }
    };
    format!(
        "## Back to landfall

```sh
landfall adopt path/to/{name} --from path/to/this/directory{flags}
```

{moves} It reports which settings differ from what landfall.toml would create, with the line to write there, and which files were edited: landfall
uses its own. Then it plans, and changes nothing. The next `landfall up` releases what the app directory contains.
",
        name = subject.whose.name,
        flags = match subject.whose.rehearsal {
            true => " --rehearse",
            false => "",
        },
    )
}

/// Path of the edge in the image.
const EDGE: &str = edge_contract::PATH;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_reads_like_this() {
        insta::assert_snapshot!("lambda", render(&samples::lambda().subject()));
    }

    #[test]
    fn containers_read_like_this() {
        insta::assert_snapshot!("fargate", render(&samples::fargate().subject()));
    }

    #[test]
    fn a_rehearsal_without_an_edge_whose_state_was_copied_reads_like_this() {
        insta::assert_snapshot!("rehearsal", render(&samples::rehearsal().subject()));
    }

    #[test]
    fn each_command_is_about_this_environment() {
        for sample in [samples::lambda(), samples::fargate(), samples::rehearsal()] {
            let text = render(&sample.subject());
            for placeholder in ["NAME", "ENVIRONMENT", "{", "}}"] {
                let outside_code = text
                    .split("```")
                    .step_by(2)
                    .any(|prose| prose.contains(placeholder));
                assert!(!outside_code, "{placeholder} in:\n{text}");
            }
        }
    }
}
