//! Random tokens: what makes a text of a store unique, and secrets between landfall and its edges.

use crate::failure::Failure;
use rules::exit::Exit;

/// Sixteen random bytes of the operating system, as 32 hexadecimal digits.
///
/// # Errors
/// The system has no random numbers.
pub(crate) fn token() -> Result<String, Failure> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::new(Exit::Bug, "no source of random numbers").why(error.to_string())
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
