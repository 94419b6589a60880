//! `landfall-front`: a proxy in front of both emulators that makes them as strict as AWS.

use super::emulator::{Emulator, free_port, program};
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;

/// Variable that names the program. Without it a rehearsal has no front.
const VARIABLE: &str = "LANDFALL_FRONT";
/// More arguments of the program, separated by spaces: `--seed 7 --real-times`.
const ARGUMENTS: &str = "LANDFALL_FRONT_ARGUMENTS";

/// A running front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Front {
    /// In front of fakecloud.
    pub(super) main: Emulator,
    /// In front of ministack.
    pub(super) second: String,
    /// Its control endpoint, where tests select scenarios.
    control: String,
}

impl Front {
    /// Starts the front of these emulators, if the environment names one.
    ///
    /// # Errors
    /// It is named and cannot be started.
    pub(super) fn start(
        dir: &Path,
        fakecloud: &Emulator,
        ministack: &Emulator,
    ) -> Result<Option<Front>, Failure> {
        if std::env::var_os(VARIABLE).is_none() {
            return Ok(None);
        }
        let path = program(
            VARIABLE,
            "landfall-front",
            "cargo build --package landfall-front",
        )?;
        let (main, second, control) = (free_port()?, free_port()?, free_port()?);
        let address = |port: u16| format!("127.0.0.1:{port}");
        let mut command = Command::new(path);
        command.args([
            "serve",
            "--listen",
            &address(main),
            "--upstream",
            &fakecloud.url,
        ]);
        command.args(["--listen", &address(second), "--upstream", &ministack.url]);
        command.args(["--control", &address(control)]);
        let more = std::env::var(ARGUMENTS).unwrap_or_default();
        command.args(more.split_whitespace());
        Ok(Some(Front {
            main: Emulator::spawn(command, &dir.join("front.log"), main, fakecloud.health())?,
            second: format!("http://{}", address(second)),
            control: format!("http://{}", address(control)),
        }))
    }
}
