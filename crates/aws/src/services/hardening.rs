//! The security settings of a task definition's container.

use crate::error::{Error, ErrorKind};
use aws_sdk_ecs::types::builders::ContainerDefinitionBuilder;
use aws_sdk_ecs::types::{KernelCapabilities, LinuxParameters, SystemControl, Tmpfs as TmpfsMount};
use rules::release::hardening::{Hardening, LOW_PORTS, LOWEST_PORT};

/// What a task definition has of directories in memory. Not every region and partition may support them, and which
/// mount options Fargate accepts is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InMemory {
    /// The directories with their mount options.
    Complete,
    /// The directories alone.
    WithoutOptions,
    /// None, so the image's files can be written.
    Unsupported,
}

impl InMemory {
    /// From the most to the least.
    pub(super) const ALL: [InMemory; 3] = [
        InMemory::Complete,
        InMemory::WithoutOptions,
        InMemory::Unsupported,
    ];

    /// Whether ECS refused a task definition because of them.
    pub(super) fn is_refused(error: &Error) -> bool {
        let message = error.message.to_lowercase();
        error.code.as_deref() == Some("ClientException")
            && ["tmpfs", "mountoption", "mount option"]
                .iter()
                .any(|word| message.contains(word))
    }
}

/// Adds the settings to a container. Without settings, the container gets Docker's defaults.
///
/// Fargate supports tmpfs since January 2026
/// (<https://aws.amazon.com/about-aws/whats-new/2026/01/amazon-ecs-tmpfs-mounts-aws-fargate-managed-instances/>).
/// It supports no security options, so the edge sets no-new-privileges. Its limit of open files is
/// 65,535.
///
/// # Errors
/// A field that the API requires is missing, which is a defect here.
pub(super) fn harden(
    container: ContainerDefinitionBuilder,
    hardening: Option<&Hardening>,
    in_memory: InMemory,
    operation: &'static str,
) -> Result<ContainerDefinitionBuilder, Error> {
    // An init process reaps children and forwards SIGTERM for apps that are not made to run as PID
    // 1.
    let linux = LinuxParameters::builder().init_process_enabled(true);
    let Some(hardening) = hardening else {
        return Ok(container.linux_parameters(linux.build()));
    };
    let invalid = |error: aws_smithy_types::error::operation::BuildError| {
        Error::new(ErrorKind::Other, operation, error.to_string())
    };
    let names = |all: &[&str]| {
        let all: Vec<String> = all.iter().map(|name| (*name).to_owned()).collect();
        (!all.is_empty()).then_some(all)
    };
    let capabilities = KernelCapabilities::builder()
        .set_drop(names(&hardening.drop))
        .set_add(names(&hardening.add))
        .build();
    let mut linux = linux.capabilities(capabilities);
    let supported = match in_memory {
        InMemory::Unsupported => &[][..],
        _ => &hardening.tmpfs,
    };
    for tmpfs in supported {
        let options = (in_memory == InMemory::Complete).then(|| tmpfs.options());
        let mount = TmpfsMount::builder()
            .container_path(&tmpfs.path)
            .size(i32::try_from(tmpfs.size).unwrap_or(i32::MAX))
            .set_mount_options(options)
            .build()
            .map_err(invalid)?;
        linux = linux.tmpfs(mount);
    }
    let mut container = container
        .set_user(hardening.user.clone())
        .readonly_root_filesystem(hardening.read_only && in_memory != InMemory::Unsupported)
        .linux_parameters(linux.build());
    if hardening.lowest_port < LOW_PORTS {
        container = container.system_controls(
            SystemControl::builder()
                .namespace(LOWEST_PORT)
                .value(hardening.lowest_port.to_string())
                .build(),
        );
    }
    Ok(container)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::ContainerDefinition;
    use rules::release::hardening::Tmpfs;

    #[test]
    fn every_setting_is_in_the_container_definition() {
        let hardening = Hardening {
            user: Some("65532:65532".into()),
            read_only: true,
            tmpfs: vec![Tmpfs {
                path: "/tmp".into(),
                size: 256,
                owner: (Some(65532), None),
            }],
            drop: vec!["ALL"],
            add: vec!["SYS_PTRACE"],
            no_new_privileges: true,
            lowest_port: 80,
        };
        let of = |in_memory| {
            let container = ContainerDefinition::builder();
            let hardened = harden(container, Some(&hardening), in_memory, "test");
            hardened.expect("complete").build()
        };
        let plain = of(InMemory::WithoutOptions);
        let tmpfs = plain.linux_parameters().expect("parameters").tmpfs();
        assert_eq!((tmpfs.len(), tmpfs[0].mount_options().len()), (1, 0));
        assert_eq!(plain.readonly_root_filesystem(), Some(true));
        let none = of(InMemory::Unsupported);
        assert!(
            none.linux_parameters()
                .expect("parameters")
                .tmpfs()
                .is_empty()
        );
        assert_eq!(none.readonly_root_filesystem(), Some(false));
        let container = of(InMemory::Complete);
        assert_eq!(container.user(), Some("65532:65532"));
        assert_eq!(container.readonly_root_filesystem(), Some(true));
        let linux = container.linux_parameters().expect("parameters");
        let capabilities = linux.capabilities().expect("capabilities");
        assert_eq!(capabilities.drop(), ["ALL"]);
        assert_eq!(capabilities.add(), ["SYS_PTRACE"]);
        let tmp = linux.tmpfs().first().expect("a directory");
        assert_eq!((tmp.container_path(), tmp.size()), ("/tmp", 256));
        for option in ["mode=1777", "uid=65532"] {
            assert!(tmp.mount_options().contains(&option.to_owned()), "{option}");
        }
        let control = container.system_controls().first().expect("a control");
        assert_eq!(control.value(), Some("80"));
    }

    #[test]
    fn only_a_refusal_of_directories_in_memory_is_tried_again_without() {
        let of = |code: &str, message: &str| {
            let mut error = Error::new(ErrorKind::Other, "ecs:RegisterTaskDefinition", message);
            error.code = Some(code.to_owned());
            InMemory::is_refused(&error)
        };
        let refused =
            "The 'tmpfs' parameter is not supported for tasks using the Fargate launch type.";
        assert!(of("ClientException", refused));
        assert!(of("ClientException", "Invalid mountOptions: mode=1777"));
        assert!(!of("ClientException", "Role is not valid"));
        assert!(!of("ServerException", refused));
    }

    #[test]
    fn a_revision_without_settings_has_the_defaults_of_earlier_versions() {
        let hardened = harden(
            ContainerDefinition::builder(),
            None,
            InMemory::Complete,
            "test",
        );
        let container = hardened.expect("complete").build();
        let defaults = LinuxParameters::builder()
            .init_process_enabled(true)
            .build();
        assert_eq!(container.linux_parameters(), Some(&defaults));
        assert_eq!(container.user(), None);
        assert_eq!(container.readonly_root_filesystem(), None);
    }
}
