//! Questions to the person at the terminal.

use super::Report;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead as _, IsTerminal as _, Write as _};

impl Report {
    /// Whether a question can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        let printer = self.printer();
        !printer.json && printer.terminal && std::io::stdin().is_terminal()
    }

    /// Asks and waits for a line; anything but `y` or `yes` is no. The view is hidden until the answer
    /// is there, as the lock is held.
    pub(crate) fn ask(&self, question: &str) -> bool {
        let mut printer = self.printer();
        if let Some(view) = &mut printer.view {
            view.step_aside();
        }
        eprint!("{question} [y/N] ");
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer).is_ok();
        read && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Asks for a line that the terminal does not show. Only if [`Report::can_ask`].
    pub(crate) fn ask_hidden(&self, question: &str) -> std::io::Result<Vec<u8>> {
        let mut printer = self.printer();
        if let Some(view) = &mut printer.view {
            view.step_aside();
        }
        let _hidden = Hidden::begin()?;
        eprint!("{question}");
        let _ = std::io::stderr().flush();
        let mut line = Vec::new();
        std::io::stdin().lock().read_until(b'\n', &mut line)?;
        Ok(line)
    }
}

/// A terminal that does not echo what is typed, until this is dropped.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn begin() -> std::io::Result<Hidden> {
        let before = tcgetattr(std::io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // The line feed of Enter is shown.
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Hidden { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.before);
    }
}
