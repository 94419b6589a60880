//! The README of an ejected environment: how to live with it without landfall. One text for one environment, with its
//! own names in every command.

mod by_hand;
mod removal;
#[cfg(test)]
mod samples;

use edge_contract;
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
    /// With what landfall planned last, `Terraform 1.15.5, hashicorp/aws 3.39.0`.
    pub(crate) tools: String,
    /// Where the state is.
    pub(crate) state: State<'a>,
    /// What the foundation root made.
    pub(crate) foundation: &'a FoundationOutputs,
    /// What the target's root made.
    pub(crate) target: Target<'a>,
    /// Whether the target has a domain, and so a root for it.
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
        /// What its root made.
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

Everything that runs {name} ({environment}) in account {account}, {region}, as plain Terraform or OpenTofu: the same files that landfall
{landfall} uses, with this environment's variables and backend. Nothing here needs landfall. It answers at {url}.

`landfall eject` only read. Until you decide otherwise landfall works on as before, and **only one of the two may change the shape**: what one of
them changes the other would put back. Before you apply anything here, stop `landfall up`, `move` and `down`, and delete the workflow or pipeline of CI if
there is one. If you change your mind, see [Back to landfall](#back-to-landfall).

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
> **A rehearsal's.** `rehearsal_override.tf` and `backend.tf` lead to the emulators at {main} and {second}, and are worth nothing once these
> are stopped. `terraform init` and `plan` need nothing else with provider 3.39; newer providers, and the AWS CLI, want
> `export AWS_ENDPOINT_URL={main} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={region}` (`aws s3api`: `--endpoint-url {second}`).
",
            region = whose.region,
        ));
        if matches!(subject.target, Target::Fargate { .. }) {
            text.push_str(
                "> `terraform destroy` of `fargate/` fails once at the cluster, which the emulator forgets at once: run it again.\n",
            );
        }
    }
    text
}

fn roots(subject: &Subject<'_>) -> String {
    let what = |root: Root| match root {
        Root::Foundation => "registry, log group, roles, budget, topic of alarms",
        Root::Lambda => "function, alias, HTTP API, their logs and alarms",
        Root::Fargate => "network, load balancer, two services, CloudFront, alarms",
        Root::LambdaDomain | Root::FargateDomain => {
            "the domain: certificate, its records, and the front door under the name"
        }
        Root::Ci => "the roles that jobs of CI deploy with",
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
            "The bucket is `{bucket}`: versioned, encrypted, locked by a file beside each state. **No root made it**, as a state cannot lie in what it makes;
`{LEASE_KEY}` and `{RELEASES_PREFIX}` in it are landfall's ledger: its lock, and every release with what was seen.
"
        ),
        State::Copied { home } => format!(
            "The states lie here, **copied** from `{home}`: from the first apply on they are not those of landfall any more. Keep this
directory: without its states Terraform knows of nothing. landfall's ledger, every release with what was seen, stays there under `ledger/`.
"
        ),
    };
    format!(
        "## What is here

| root | makes | state |
|---|---|---|
{rows}
{kept}
No root reads another's state: they find each other by names. `{FILE}` says what was written here, for the way back; Terraform does not read it.
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
            "- **The domain** stands in `{0}/`: applied after `{target}`, destroyed before it. It knows one name of {target}'s, which stands in its variables.\n",
            subject.target.domain_root()
        ),
        false => String::new(),
    };
    let order = match subject.target {
        Target::Lambda(_) => {
            "`foundation`, then an image into its registry (a function cannot be made without one: `image` in `lambda/terraform.tfvars.json`), then `lambda`"
        }
        Target::Fargate { .. } => {
            "`foundation` and `fargate`, in any order; alarms reach nobody before the first"
        }
    };
    let state = match subject.state {
        State::Bucket(_) => "",
        State::Copied { .. } => {
            "- **Secrets**: a state holds what Terraform last saw, variables of the function among them. Keep it out of git.\n"
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

- **Credentials** as ever: `aws login`, `AWS_PROFILE`, a role. `terraform` may be `tofu`; either from 1.10.
- **Settings** stand in each root's `terraform.tfvars.json`, and are explained in its `variables.tf`. Name, environment and region are for life.
- **Providers**: `hashicorp/aws` from 3.39 to 6{tools}. `init` takes the newest and writes `.terraform.lock.hcl`. Commit it, for the
  machines of others after `terraform providers lock -platform=linux_amd64 -platform=darwin_arm64`.
- **To change something**: edit, `plan`, read, `apply`, one root at a time. A change in {also} never needs another root.
- **From nothing**: {order}.
{domain}{state}"
    )
}

fn owned(subject: &Subject<'_>) -> String {
    let (rows, none) = match subject.target {
        Target::Lambda(_) => (
            "| image, variables, memory | `aws_lambda_function.app` |
| which version gets how many users | `aws_lambda_alias.live` |
",
            "Versions, and the aliases `blue` and `green`, are landfall's: Terraform does not know of them, and they go with the function. The processor of
the function is said nowhere: the call that names the image names it.",
        ),
        Target::Fargate { .. } => (
            "| task definition and number of tasks | `aws_ecs_service.slot` |
| which slot gets how many users | `aws_lb_listener.http` |
| header value that leads to each slot | `aws_lb_listener_rule.slot` |
",
            "Task definitions of the app are not Terraform's at all: the services name them.",
        ),
    };
    format!(
        "## What releases own

Terraform owns the shape. What runs in it changes with each release, so these stand in `ignore_changes`, and a plan after a release says
\"No changes\". Leave them there, or the next apply takes your users back to where the first one left them.

| what | in |
|---|---|
{rows}
{none}
"
    )
}

fn missing() -> String {
    "## What nobody does any more

- **Compare**: the new version gets all users at once, and nobody counts its errors beside the old one's. The alarms are what is left.
- **Take back**: nobody goes back by himself. The last command of a release, with the old version, is the way back.
- **Say why**: a version that does not start has to be looked into by hand, in its log group and in what AWS says of its tasks.
- **Hold apart**: no lock keeps two people from releasing at once. Terraform's own lock is for the shape only.
- **Price and review**: `plan` shows neither. The budget alarm stays.
- **Sweep**: after `destroy` nobody looks for what is left.
"
    .to_owned()
}

fn back(subject: &Subject<'_>) -> String {
    let moves = match subject.state {
        State::Bucket(_) => {
            "Whatever was applied here is in the bucket's state already, which landfall finds by its name from any machine; `adopt` checks that it is so."
        }
        State::Copied { .. } => {
            "`adopt` moves the states from here into landfall's home, unless landfall itself has changed the shape meanwhile."
        }
    };
    format!(
        "## Back to landfall

```sh
landfall adopt path/to/{name} --from path/to/this/directory{flags}
```

{moves} It tells which settings here are others than landfall.toml would make, with the line to write there, and which files were edited: landfall
uses its own. Then it plans, and changes nothing. The next `landfall up` releases what the app directory holds.
",
        name = subject.whose.name,
        flags = match subject.whose.rehearsal {
            true => " --rehearse",
            false => "",
        },
    )
}

/// Path of the edge in the image, and where it lies: what both parts of the text name.
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
