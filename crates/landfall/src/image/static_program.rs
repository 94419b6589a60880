//! Whether a program can be added to an image: it must be static, and for the image's processor.
//!
//! The image may contain nothing but the app, so a program that needs a loader or a library would
//! not start. Format: <https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html>.

use rules::app::manifest::Architecture;

/// Why a file cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is not a 64-bit Linux program.
    NoProgram,
    /// It needs a loader, which the image may not have.
    Dynamic,
    /// It is for another processor.
    OtherProcessor,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unusable::NoProgram => "it is not a 64-bit Linux program",
            Unusable::Dynamic => "it is not linked statically",
            Unusable::OtherProcessor => "it is for another processor",
        })
    }
}

/// Checks the content of a file.
///
/// # Errors
/// It cannot be added to an image for `architecture`.
pub(crate) fn check(bytes: &[u8], architecture: Architecture) -> Result<(), Unusable> {
    const ELF_64_LITTLE_ENDIAN: &[u8] = b"\x7fELF\x02\x01";
    const INTERPRETER: u32 = 3;
    if !bytes.starts_with(ELF_64_LITTLE_ENDIAN) {
        return Err(Unusable::NoProgram);
    }
    let machine = match architecture {
        Architecture::X86_64 => 62,
        Architecture::Arm64 => 183,
    };
    if half(bytes, 18) != Some(machine) {
        return Err(Unusable::OtherProcessor);
    }
    let table = bytes
        .get(32..40)
        .and_then(|field| usize::try_from(u64::from_le_bytes(field.try_into().ok()?)).ok())
        .ok_or(Unusable::NoProgram)?;
    let size = usize::from(half(bytes, 54).ok_or(Unusable::NoProgram)?);
    let count = usize::from(half(bytes, 56).ok_or(Unusable::NoProgram)?);
    for index in 0..count {
        let at = index
            .checked_mul(size)
            .and_then(|skip| table.checked_add(skip));
        let end = at.and_then(|at| at.checked_add(4));
        let kind = at
            .zip(end)
            .and_then(|(at, end)| bytes.get(at..end))
            .ok_or(Unusable::NoProgram)?;
        let kind: [u8; 4] = kind.try_into().map_err(|_| Unusable::NoProgram)?;
        if u32::from_le_bytes(kind) == INTERPRETER {
            return Err(Unusable::Dynamic);
        }
    }
    Ok(())
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An ELF header, and a segment table with one entry.
    fn program(machine: u16, segment: u32) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1u16.to_le_bytes());
        bytes.extend(segment.to_le_bytes());
        bytes
    }

    #[test]
    fn only_a_static_program_for_the_processor_is_accepted() {
        assert_eq!(check(&program(62, 1), Architecture::X86_64), Ok(()));
        assert_eq!(check(&program(183, 1), Architecture::Arm64), Ok(()));
        let other = check(&program(183, 1), Architecture::X86_64);
        assert_eq!(other, Err(Unusable::OtherProcessor));
        assert_eq!(
            check(&program(62, 3), Architecture::X86_64),
            Err(Unusable::Dynamic)
        );
        assert_eq!(
            check(b"#!/bin/sh\n", Architecture::X86_64),
            Err(Unusable::NoProgram)
        );
        assert_eq!(
            check(&program(62, 1)[..60], Architecture::X86_64),
            Err(Unusable::NoProgram)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_checked(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes, Architecture::X86_64);
            let start = bytes.len().min(6);
            bytes[..start].copy_from_slice(&b"\x7fELF\x02\x01"[..start]);
            let _ = check(&bytes, Architecture::X86_64);
        }
    }
}
