//! Times of the SDK as those of `rules`.

use aws_smithy_types::DateTime;
use rules::time::Timestamp;

/// [`None`] for a time before 1970.
pub(crate) fn timestamp(time: DateTime) -> Option<Timestamp> {
    let milliseconds = time.to_millis().ok()?;
    u64::try_from(milliseconds).ok().map(Timestamp)
}
