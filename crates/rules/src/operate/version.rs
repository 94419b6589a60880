//! The versions of landfall and of the tools it uses, for a bug report.

use serde::{Deserialize, Serialize};

/// The result of `landfall version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its version, by <https://semver.org>.
    pub version: String,
    /// The commit that it was built from, if the build knew it.
    pub commit: Option<String>,
    /// The platform that it was built for: `x86_64-linux`.
    pub built_for: String,
    /// Version of the events' format, as in [`crate::event::VERSION`].
    pub events: u32,
    /// The OpenTofu or Terraform that it would use.
    pub terraform: Tool,
    /// The container engine that it would use.
    pub engine: Tool,
    /// The edge for images of each CPU architecture.
    pub edges: Vec<Edge>,
}

/// A program that landfall starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Tool {
    /// It was found.
    Found {
        /// Its path.
        path: String,
        /// The version that it reports.
        version: String,
    },
    /// It was not found.
    Missing {
        /// Why not.
        missing: String,
    },
}

/// The edge for one CPU architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Path of the program; [`None`] if there is none.
    pub path: Option<String>,
}

impl Tool {
    fn describe(&self) -> String {
        match self {
            Tool::Found { path, version } => format!("{version} ({path})"),
            Tool::Missing { missing } => format!("none: {missing}"),
        }
    }
}

impl Version {
    /// The versions, one a line, for people. The first line is that of `--version`.
    pub fn describe(&self) -> String {
        let mut lines = vec![format!("landfall {}", self.version)];
        if let Some(commit) = &self.commit {
            lines.push(format!("commit     {commit}"));
        }
        lines.push(format!("built for  {}", self.built_for));
        lines.push(format!("terraform  {}", self.terraform.describe()));
        lines.push(format!("engine     {}", self.engine.describe()));
        for edge in &self.edges {
            let path = edge.path.as_deref().unwrap_or("none");
            lines.push(format!("edge       {}: {path}", edge.architecture));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_well() {
        let version = Version {
            version: "0.1.0".into(),
            commit: Some("625e3937b1c2".into()),
            built_for: "x86_64-linux".into(),
            events: 1,
            terraform: Tool::Found {
                path: "/usr/bin/tofu".into(),
                version: "1.11.2".into(),
            },
            engine: Tool::Missing {
                missing: "neither Docker nor Podman answers".into(),
            },
            edges: vec![
                Edge {
                    architecture: "x86_64".into(),
                    path: Some("/usr/local/bin/landfall-edge".into()),
                },
                Edge {
                    architecture: "arm64".into(),
                    path: None,
                },
            ],
        };
        insta::assert_snapshot!(version.describe());
        let json = serde_json::to_string(&version).expect("JSON");
        let back: Version = serde_json::from_str(&json).expect("the same");
        assert_eq!(back, version);
    }
}
