//! The bridge: in rehearsals on Lambda only, the program between the emulator and the edge.

/// The bridge's program in the image.
pub const PATH: &str = "/.landfall/bridge";
/// Port on which the bridge takes events. Not fakecloud's 8080, which many apps listen on.
pub const PORT: u16 = 8099;
