//! A latency histogram with fixed bucket bounds, so that those of many tasks and seconds add up.
//!
//! Each power of two of microseconds is divided into 16 equal buckets, so a quantile is off by at
//! most 1/32 of its value. Bucket numbers are computed with integer shifts: the same on every
//! machine.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// Base-two logarithm of the number of buckets per power of two.
const BITS: u32 = 4;
/// Number of the last bucket, which also counts longer times. It ends at 19 hours.
const LAST: u16 = 527;

/// Largest relative error of [`Histogram::quantile`], for times from 1 µs to 19 h.
pub const RELATIVE_ERROR: f64 = 1.0 / 32.0;

/// How often each latency was observed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Bucket and count, sorted by bucket, without empty ones. Counts saturate at four billion: an
    /// edge keeps two histograms for each of 600 seconds, so they have to be small.
    counts: Vec<(u16, u32)>,
}

impl Histogram {
    /// Counts a latency.
    pub fn record(&mut self, latency: Duration) {
        self.add(bucket(micros(latency)), 1);
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Histogram) {
        for &(bucket, count) in &other.counts {
            self.add(bucket, count);
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Number of latencies.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Sum of all latencies, within [`RELATIVE_ERROR`].
    pub fn sum(&self) -> Duration {
        let micros = self.counts.iter().fold(0_u64, |sum, &(bucket, count)| {
            sum.saturating_add(middle(bucket).saturating_mul(u64::from(count)))
        });
        Duration::from_micros(micros)
    }

    /// The quantile `q` (0 to 1), within [`RELATIVE_ERROR`]; [`None`] if nothing was counted.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let total = self.count();
        let rank = ((q.clamp(0.0, 1.0) * total as f64).ceil() as u64).max(1);
        let mut seen = 0_u64;
        self.counts.iter().find_map(|&(bucket, count)| {
            seen += u64::from(count);
            (seen >= rank).then(|| Duration::from_micros(middle(bucket)))
        })
    }

    /// How many took longer than `latency`: exact at bucket bounds, otherwise within
    /// [`RELATIVE_ERROR`].
    pub fn slower_than(&self, latency: Duration) -> u64 {
        let limit = bucket(micros(latency));
        let slower = self.counts.iter().filter(|(bucket, _)| *bucket > limit);
        slower.map(|(_, count)| u64::from(*count)).sum()
    }

    /// How many may have taken longer than `latency`: those of
    /// [`slower_than`](Histogram::slower_than), and those in the bucket of `latency`.
    pub fn perhaps_slower_than(&self, latency: Duration) -> u64 {
        let limit = bucket(micros(latency).saturating_add(1));
        let slower = self.counts.iter().filter(|(bucket, _)| *bucket >= limit);
        slower.map(|(_, count)| u64::from(*count)).sum()
    }

    /// An upper bound of the `rank`-th fastest latency, from 1: the last microsecond of its bucket,
    /// so that [`slower_than`](Histogram::slower_than) it is exact. [`None`] if there are fewer.
    pub fn longest_of_rank(&self, rank: u64) -> Option<Duration> {
        let mut seen = 0_u64;
        self.counts.iter().find_map(|&(bucket, count)| {
            seen += u64::from(count);
            (seen >= rank).then(|| Duration::from_micros(longest(bucket)))
        })
    }

    /// Subtracts a histogram that was merged before.
    pub fn forget(&mut self, other: &Histogram) {
        for &(bucket, count) in &other.counts {
            if let Ok(at) = self.counts.binary_search_by_key(&bucket, |(b, _)| *b)
                && let Some((_, sum)) = self.counts.get_mut(at)
            {
                *sum = sum.saturating_sub(count);
            }
        }
        self.counts.retain(|(_, count)| *count > 0);
    }

    fn add(&mut self, bucket: u16, count: u32) {
        match self
            .counts
            .binary_search_by_key(&bucket, |(bucket, _)| *bucket)
        {
            Ok(at) => {
                if let Some((_, sum)) = self.counts.get_mut(at) {
                    *sum = sum.saturating_add(count);
                }
            }
            Err(at) => self.counts.insert(at, (bucket, count)),
        }
    }
}

/// Whole microseconds of a duration; [`u64::MAX`] if it is longer.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The bucket of a time in microseconds.
fn bucket(micros: u64) -> u16 {
    let shift = micros.checked_ilog2().unwrap_or(0).saturating_sub(BITS);
    let number = (u64::from(shift) << BITS) + (micros >> shift);
    u16::try_from(number).unwrap_or(LAST).min(LAST)
}

/// The middle of a bucket in microseconds.
fn middle(bucket: u16) -> u64 {
    let (low, width) = extent(bucket);
    low + (width >> 1)
}

/// The last microsecond of a bucket.
fn longest(bucket: u16) -> u64 {
    let (low, width) = extent(bucket);
    low + (width - 1)
}

/// Where a bucket begins, and how wide it is, in microseconds.
fn extent(bucket: u16) -> (u64, u64) {
    let bucket = u64::from(bucket);
    // The buckets of the first two powers of two are one microsecond wide.
    let shift = (bucket >> BITS).saturating_sub(1);
    ((bucket - (shift << BITS)) << shift, 1 << shift)
}

/// `[bucket, count, …]`, each bucket as the distance from the one before.
impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        let flat = self.counts.iter().flat_map(|&(bucket, count)| {
            let distance = u64::from(bucket - before);
            before = bucket;
            [distance, u64::from(count)]
        });
        serializer.collect_seq(flat)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Histogram, D::Error> {
        let flat = Vec::<u64>::deserialize(deserializer)?;
        let mut counts = Vec::with_capacity(flat.len() / 2);
        let mut bucket = 0_u64;
        for pair in flat.chunks(2) {
            let &[distance, count] = pair else {
                return Err(D::Error::custom(
                    "a latency histogram is pairs of distance and count",
                ));
            };
            bucket = bucket.saturating_add(distance);
            let number = u16::try_from(bucket).ok().filter(|number| *number <= LAST);
            let Some(number) = number else {
                return Err(D::Error::custom(format!(
                    "no latency bucket has the number {bucket}"
                )));
            };
            if count == 0 || (distance == 0 && !counts.is_empty()) {
                return Err(D::Error::custom(
                    "a latency histogram names a bucket twice, or an empty one",
                ));
            }
            counts.push((number, u32::try_from(count).unwrap_or(u32::MAX)));
        }
        Ok(Histogram { counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(latencies: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for &micros in latencies {
            histogram.record(Duration::from_micros(micros));
        }
        histogram
    }

    fn latencies() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(
            prop_oneof![0..100_u64, 0..100_000_u64, 0..60_000_000_000_u64],
            0..200,
        )
    }

    #[test]
    fn buckets_leave_no_gap() {
        let mut before = bucket(0);
        for micros in 1..3_000_000 {
            let here = bucket(micros);
            assert!(here == before || here == before + 1, "{micros}");
            before = here;
        }
        assert_eq!(bucket(u64::MAX), LAST);
    }

    #[test]
    fn the_json_is_short_and_stable() {
        let text = serde_json::to_string(&of(&[900, 900, 1_000, 250_000])).expect("text");
        assert_eq!(text, "[108,2,3,1,127,1]");
        assert_eq!(
            serde_json::from_str::<Histogram>(&text).expect("histogram"),
            of(&[900, 900, 1_000, 250_000])
        );
    }

    #[test]
    fn invalid_json_is_refused() {
        for bad in [
            "[1]",
            "[1,0]",
            "[1,1,0,1]",
            "[528,1]",
            "[1,1,18446744073709551615,1]",
            "[-1,1]",
            "{}",
        ] {
            assert!(serde_json::from_str::<Histogram>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn merging_is_associative_and_commutative(a in latencies(), b in latencies(), c in latencies()) {
            let merged = |parts: &[&[u64]]| {
                let mut sum = Histogram::default();
                for part in parts {
                    sum.merge(&of(part));
                }
                sum
            };
            let mut right = of(&b);
            right.merge(&of(&c));
            let mut nested = of(&a);
            nested.merge(&right);
            prop_assert_eq!(&nested, &merged(&[&a, &b, &c]));
            prop_assert_eq!(&nested, &merged(&[&c, &b, &a]));
            prop_assert_eq!(nested, of(&[a, b, c].concat()));
        }

        #[test]
        fn quantiles_are_within_the_error_bound(mut all in latencies(), q in 0.0..=1.0_f64) {
            let histogram = of(&all);
            all.sort_unstable();
            let rank = ((q * all.len() as f64).ceil() as usize).max(1);
            match all.get(rank - 1) {
                None => prop_assert_eq!(histogram.quantile(q), None),
                Some(&exact) => {
                    let found = histogram.quantile(q).expect("some").as_micros() as f64;
                    prop_assert!((found - exact as f64).abs() <= exact as f64 * RELATIVE_ERROR + 0.5);
                }
            }
        }

        #[test]
        fn possibly_slower_ones_are_counted(all in latencies(), limit in 0..60_000_000_u64) {
            let histogram = of(&all);
            let slower = histogram.perhaps_slower_than(Duration::from_micros(limit));
            let band = limit as f64 / 16.0 + 2.0;
            let least = all.iter().filter(|&&l| l > limit).count() as u64;
            let most = all.iter().filter(|&&l| l as f64 > limit as f64 - band).count() as u64;
            prop_assert!(least <= slower && slower <= most);
        }

        #[test]
        fn slower_than_the_bound_of_a_rank_is_exact(mut all in latencies(), rank in 1..250_usize) {
            let histogram = of(&all);
            all.sort_unstable();
            let longest = histogram.longest_of_rank(rank as u64);
            prop_assert_eq!(longest.is_some(), rank <= all.len());
            if let (Some(longest), Some(&exact)) = (longest, all.get(rank - 1)) {
                prop_assert!(longest >= Duration::from_micros(exact));
                let slower = all.iter().filter(|&&l| Duration::from_micros(l) > longest).count();
                prop_assert_eq!(histogram.slower_than(longest), slower as u64);
                prop_assert_eq!(histogram.perhaps_slower_than(longest), slower as u64);
            }
        }

        #[test]
        fn a_merged_histogram_can_be_subtracted(a in latencies(), b in latencies()) {
            let mut sum = of(&a);
            sum.merge(&of(&b));
            sum.forget(&of(&b));
            prop_assert_eq!(sum, of(&a));
        }

        #[test]
        fn json_preserves_it(all in latencies()) {
            let histogram = of(&all);
            let text = serde_json::to_string(&histogram).expect("text");
            prop_assert_eq!(serde_json::from_str::<Histogram>(&text).expect("histogram"), histogram);
        }

        #[test]
        fn slower_ones_are_counted(all in latencies(), limit in 0..60_000_000_u64) {
            let slower = of(&all).slower_than(Duration::from_micros(limit));
            let band = limit as f64 / 16.0 + 1.0;
            let least = all.iter().filter(|&&l| l as f64 > limit as f64 + band).count() as u64;
            let most = all.iter().filter(|&&l| l > limit).count() as u64;
            prop_assert!(least <= slower && slower <= most);
        }
    }
}
