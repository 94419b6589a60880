//! Building and pulling images with the engine of this machine.

use crate::failure::Failure;
use crate::image::engine::{Engine, platform};
use crate::image::local_image::LocalImage;
use crate::report::Report;
use rules::app::manifest::Architecture;
use rules::event::Event;
use rules::exit::Exit;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

/// Lines of a failed build that are shown.
const TAIL: usize = 30;

impl Engine {
    /// Builds an image for the architecture that it will run on, without attestations, which would
    /// turn the image into an index. `tag` keeps the image, and with it the cache by which the next
    /// build yields the same image.
    ///
    /// # Errors
    /// The build fails; its last lines are the reason.
    pub(crate) async fn build(
        &self,
        directory: &Path,
        dockerfile: &str,
        tag: &str,
        architecture: Architecture,
        report: &Report,
    ) -> Result<LocalImage, Failure> {
        let scratch =
            tempfile::tempdir().map_err(Failure::io("cannot create a temporary directory"))?;
        let id_file = scratch.path().join("id");
        let mut args: Vec<OsString> = if self.has_buildx {
            [
                "buildx",
                "build",
                "--load",
                "--provenance=false",
                "--sbom=false",
                "--progress=plain",
            ]
            .map(OsString::from)
            .to_vec()
        } else {
            vec!["build".into()]
        };
        args.extend(["--platform".into(), platform(architecture).into()]);
        args.extend(["--iidfile".into(), id_file.clone().into_os_string()]);
        args.extend(["--tag".into(), tag.into()]);
        args.extend(["--file".into(), directory.join(dockerfile).into()]);
        args.push(directory.into());
        let mut ended = self.run_build(&args, report).await?;
        if ended.as_ref().is_err_and(|lines| is_cache_race(lines)) {
            ended = self.run_build(&args, report).await?;
        }
        if let Err(lines) = ended {
            let mut failure = Failure::new(Exit::Image, "the image could not be built");
            failure.why.extend(lines);
            return Err(failure.next(format!(
                "nothing was created; `{} build --file {dockerfile} {}` shows the same",
                self.program.display(),
                directory.display()
            )));
        }
        let id =
            std::fs::read_to_string(&id_file).map_err(Failure::io("the build left no image ID"))?;
        let built = self.inspect(id.trim()).await?;
        built.map(|image| image.prefer_name(tag)).ok_or_else(|| {
            Failure::new(Exit::Image, "built image not found")
                .why(format!("the engine has no image {}", id.trim()))
        })
    }

    /// Runs a build; the last lines of one that fails are the inner error.
    async fn run_build(
        &self,
        args: &[OsString],
        report: &Report,
    ) -> Result<Result<(), Vec<String>>, Failure> {
        let mut child = Command::new(&self.program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::io("the build cannot be started"))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        // BuildKit writes to standard error, the older builder to standard output.
        let (out, err) = tokio::join!(follow(out, report), follow(err, report));
        let status = child
            .wait()
            .await
            .map_err(Failure::io("the build process was lost"))?;
        Ok(match status.success() {
            true => Ok(()),
            false => Err(out.into_iter().chain(err).collect()),
        })
    }

    /// An image that is already built; pulled if it is not on this machine.
    ///
    /// # Errors
    /// It is not on this machine and cannot be pulled.
    pub(crate) async fn pull(
        &self,
        reference: &str,
        architecture: Architecture,
    ) -> Result<LocalImage, Failure> {
        if let Some(image) = self.inspect(reference).await? {
            return Ok(image.prefer_name(reference));
        }
        let pulled = self
            .output(&[
                "pull",
                "--quiet",
                "--platform",
                platform(architecture),
                reference,
            ])
            .await?;
        if let Err(why) = pulled {
            return Err(Failure::new(Exit::BadInput, format!("there is no image {reference}"))
                .why(why)
                .next("name an image that exists on this machine or can be pulled; nothing was created"));
        }
        self.inspect(reference).await?.ok_or_else(|| {
            Failure::new(
                Exit::Image,
                format!("{reference} was pulled, but the engine does not know it"),
            )
        })
    }
}

/// Whether Docker's older builder failed because another process deleted an image while the builder
/// searched its cache. A second attempt no longer finds the deleted image.
fn is_cache_race(lines: &[String]) -> bool {
    lines
        .iter()
        .any(|line| line.contains("unable to find image \"sha256:"))
}

/// Reports the lines of a stream, and returns the last of them.
async fn follow(stream: Option<impl AsyncRead + Unpin>, report: &Report) -> VecDeque<String> {
    let mut tail = VecDeque::new();
    let Some(stream) = stream else { return tail };
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        report.emit(Event::Output {
            tool: "build".to_owned(),
            line: line.clone(),
        });
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_image_that_vanished_from_the_cache_is_a_race() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert!(is_cache_race(&lines(
            "Step 2/6 : LABEL test=\"x\"\nunable to find image \"sha256:bce5fef2\""
        )));
        assert!(!is_cache_race(&lines("pull access denied for app")));
        assert!(!is_cache_race(&lines(
            "Unable to find image 'alpine:latest' locally"
        )));
    }
}
