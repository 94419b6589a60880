//! Random numbers of the operating system.

use crate::failure::Failure;
use rules::exit::Exit;

/// Sixteen random bytes in hexadecimal: nobody guesses them, nobody else draws them.
///
/// # Errors
/// The system has none.
pub(crate) fn token() -> Result<String, Failure> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Exit::Bug, "no random numbers").why(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
