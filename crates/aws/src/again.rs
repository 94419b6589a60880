//! Repeating a call whose error passes.

use crate::error::Error;
use std::time::Duration;

/// The result of `call`, which is repeated after each of these pauses while `passes` accepts its error.
pub(crate) async fn again_after<T, F: Future<Output = Result<T, Error>>>(
    pauses: impl IntoIterator<Item = Duration>,
    passes: impl Fn(&Error) -> bool,
    call: impl Fn() -> F,
) -> Result<T, Error> {
    for pause in pauses {
        match call().await {
            Err(error) if passes(&error) => tokio::time::sleep(pause).await,
            other => return other,
        }
    }
    call().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::cell::Cell;

    /// The kind of the last error and the number of calls, if all calls fail with these kinds in turn.
    async fn calls(kinds: &[ErrorKind]) -> (Option<ErrorKind>, usize) {
        let count = Cell::new(0);
        let call = async || {
            let at = count.replace(count.get() + 1);
            match kinds.get(at) {
                Some(kind) => Err(Error::new(*kind, "s3:CreateBucket", "refused")),
                None => Ok(()),
            }
        };
        let passes = |error: &Error| error.kind == ErrorKind::NotFound;
        let last = again_after([Duration::ZERO; 2], passes, call).await;
        (last.err().map(|error| error.kind), count.get())
    }

    #[tokio::test]
    async fn only_an_error_that_passes_is_waited_for_and_not_for_ever() {
        use ErrorKind::{Denied, NotFound};
        assert_eq!(calls(&[]).await, (None, 1));
        assert_eq!(calls(&[NotFound]).await, (None, 2));
        assert_eq!(calls(&[NotFound, Denied]).await, (Some(Denied), 2));
        assert_eq!(calls(&[NotFound; 9]).await, (Some(NotFound), 3));
    }
}
