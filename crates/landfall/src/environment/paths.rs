//! The directories that landfall keeps on this machine. They are outside the app directory, so that
//! they never end up in the app's image.

use std::path::PathBuf;

/// The state directory: unpacked HCL, plans, local state, `emulators.json`.
/// `LANDFALL_HOME`, or `landfall` below `XDG_STATE_HOME` or `~/.local/state`.
pub(crate) fn home() -> PathBuf {
    directory("LANDFALL_HOME", "XDG_STATE_HOME", ".local/state")
}

/// The cache directory, for Terraform's providers.
/// `LANDFALL_CACHE`, or `landfall` below `XDG_CACHE_HOME` or `~/.cache`.
pub(crate) fn cache() -> PathBuf {
    directory("LANDFALL_CACHE", "XDG_CACHE_HOME", ".cache")
}

fn directory(variable: &str, base: &str, fallback: &str) -> PathBuf {
    let of = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(own) = of(variable) {
        return std::path::absolute(&own).unwrap_or(own);
    }
    of(base)
        .or_else(|| of("HOME").map(|home| home.join(fallback)))
        .unwrap_or_else(|| PathBuf::from(fallback))
        .join("landfall")
}
