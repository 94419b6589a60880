//! Facts about this machine.

use super::trouble;
use crate::environment::endpoints::Cloud;
use crate::environment::{paths, terraform};
use crate::failure::Failure;
use crate::image::edge_layer;
use crate::image::engine::Engine;
use infra::Binary;
use rules::app::manifest::Manifest;
use rules::check::{Seen, Unavailable};
use rules::operate::doctor::Facts;
use rules::operate::doctor::machine::{Directory, Disk, Terraform};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time limit of a program on this machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Fills in the facts about this machine. Returns the engine, if there is one.
pub(super) async fn gather(
    facts: &mut Facts,
    manifest: Option<&Manifest>,
    cloud: Cloud,
) -> Option<Engine> {
    let terraform = tokio::task::spawn_blocking(terraform::binary);
    let terraform = tokio::time::timeout(PATIENCE, terraform);
    let engine = tokio::time::timeout(PATIENCE, engine(facts));
    let (engine, terraform) = tokio::join!(engine, terraform);
    facts.terraform = match terraform {
        Ok(Ok(binary)) => binary.map(tool).map_err(trouble),
        Ok(Err(error)) => Err(Unavailable::Unknown(error.to_string())),
        Err(_) => Err(silent("it")),
    };
    let engine = engine.unwrap_or_else(|_| {
        facts.engine = Err(silent("the container engine"));
        None
    });
    facts.directories = Ok(vec![
        directory(
            "the cache of Terraform's providers",
            &paths::cache(),
            "LANDFALL_CACHE",
        ),
        directory(
            "landfall's files on this machine",
            &paths::home(),
            "LANDFALL_HOME",
        ),
    ]);
    facts.edge = match manifest {
        Some(manifest) => edge(manifest, cloud),
        None => Err(Unavailable::NotAsked),
    };
    engine
}

fn silent(what: &str) -> Unavailable {
    Unavailable::Failed(
        Failure::new(
            rules::exit::Exit::MissingTool,
            format!("{what} did not answer within {} s", PATIENCE.as_secs()),
        )
        .next("find out why it hangs; a restart often helps")
        .into(),
    )
}

fn tool(binary: Binary) -> Terraform {
    Terraform {
        path: binary.path.display().to_string(),
        tool: binary.tool(),
    }
}

async fn engine(facts: &mut Facts) -> Option<Engine> {
    let engine = match Engine::find().await {
        Ok(engine) => engine,
        Err(failure) => {
            facts.engine = Err(trouble(failure));
            facts.disk = Err(Unavailable::Skipped(
                "there is no container engine".to_owned(),
            ));
            return None;
        }
    };
    match engine.info().await {
        Ok(info) => {
            facts.disk = match info.is_local {
                true => free(Path::new(&info.root))
                    .map(|free| Disk {
                        path: info.root.clone(),
                        free,
                    })
                    .ok_or_else(|| {
                        Unavailable::Unknown(format!("{} cannot be checked", info.root))
                    }),
                false => Err(Unavailable::Unknown(
                    "the engine's images are on another machine".to_owned(),
                )),
            };
            facts.engine = Ok(info.engine);
        }
        Err(why) => {
            facts.engine = Err(Unavailable::Unknown(why));
            facts.disk = Err(Unavailable::Unknown(
                "the engine does not report it".to_owned(),
            ));
        }
    }
    Some(engine)
}

/// Bytes that an ordinary user can write at `path`, which need not exist yet.
fn free(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|ancestor| ancestor.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn directory(purpose: &str, path: &Path, variable: &str) -> Directory {
    let there: Option<PathBuf> = path
        .ancestors()
        .find(|ancestor| ancestor.exists())
        .map(Path::to_owned);
    let writable = there.is_some_and(|there| {
        let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        there.is_dir() && rustix::fs::access(&there, access).is_ok()
    });
    Directory {
        purpose: purpose.to_owned(),
        path: path.display().to_string(),
        variable: variable.to_owned(),
        writable,
        free: free(path),
    }
}

fn edge(manifest: &Manifest, cloud: Cloud) -> Seen<Option<String>> {
    if !manifest.edge {
        return Ok(None);
    }
    let edge = edge_layer::find(manifest.architecture).map_err(trouble)?;
    edge_layer::find_companions(&edge, manifest, cloud.needs_lambda_bridge(manifest.target))
        .map_err(trouble)?;
    Ok(Some(edge.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_there_yet_is_judged_by_where_it_will_be() {
        let root = tempfile::tempdir().expect("a directory");
        let later = root.path().join("a/b/c");
        let judged = directory("state", &later, "LANDFALL_HOME");
        assert!(judged.writable && judged.free.is_some());
        assert!(!later.exists() && !root.path().join("a").exists());
        // A file has that name.
        std::fs::write(root.path().join("file"), "").expect("a file");
        let judged = directory("state", &root.path().join("file/c"), "LANDFALL_HOME");
        assert!(!judged.writable);
    }
}
