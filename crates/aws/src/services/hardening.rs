//! The security settings of a task definition's container.

use crate::error::{Error, ErrorKind};
use aws_sdk_ecs::types::builders::ContainerDefinitionBuilder;
use aws_sdk_ecs::types::{KernelCapabilities, LinuxParameters, SystemControl, Tmpfs as TmpfsMount};
use rules::release::hardening::{Hardening, LOW_PORTS, LOWEST_PORT};

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
    for tmpfs in &hardening.tmpfs {
        let mount = TmpfsMount::builder()
            .container_path(&tmpfs.path)
            .size(i32::try_from(tmpfs.size).unwrap_or(i32::MAX))
            .set_mount_options(Some(tmpfs.options()))
            .build()
            .map_err(invalid)?;
        linux = linux.tmpfs(mount);
    }
    let mut container = container
        .set_user(hardening.user.clone())
        .readonly_root_filesystem(hardening.read_only)
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
        let hardened = harden(ContainerDefinition::builder(), Some(&hardening), "test");
        let container = hardened.expect("complete").build();
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
    fn a_revision_without_settings_has_the_defaults_of_earlier_versions() {
        let hardened = harden(ContainerDefinition::builder(), None, "test");
        let container = hardened.expect("complete").build();
        let defaults = LinuxParameters::builder()
            .init_process_enabled(true)
            .build();
        assert_eq!(container.linux_parameters(), Some(&defaults));
        assert_eq!(container.user(), None);
        assert_eq!(container.readonly_root_filesystem(), None);
    }
}
