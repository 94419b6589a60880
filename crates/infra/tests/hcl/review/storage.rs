//! Where data lies: who can read it, whether it is encrypted, whether it stays what it was.
//!
//! AWS encrypts by itself what is in S3, ECR, CloudWatch Logs, DynamoDB, SQS, SNS and Secrets Manager; a
//! key of one's own there is a choice and costs money. The rule is about the kinds where the default is
//! no encryption at all.

use super::{Findings, Rule, Seen};
use rules::shape::plan::Resource;
use serde_json::Value;

/// Kinds that are not encrypted by default, and the attribute that encrypts them.
const UNENCRYPTED: [(&str, &str); 9] = [
    ("aws_db_instance", "storage_encrypted"),
    ("aws_docdb_cluster", "storage_encrypted"),
    ("aws_ebs_volume", "encrypted"),
    ("aws_efs_file_system", "encrypted"),
    (
        "aws_elasticache_replication_group",
        "at_rest_encryption_enabled",
    ),
    ("aws_neptune_cluster", "storage_encrypted"),
    ("aws_opensearch_domain", "encrypt_at_rest.0.enabled"),
    ("aws_rds_cluster", "storage_encrypted"),
    ("aws_redshift_cluster", "encrypted"),
];

/// Kinds that can have an address on the internet, and the attribute that sets it.
const PUBLIC: [(&str, &str); 5] = [
    ("aws_db_instance", "publicly_accessible"),
    ("aws_dms_replication_instance", "publicly_accessible"),
    ("aws_neptune_cluster_instance", "publicly_accessible"),
    ("aws_rds_cluster_instance", "publicly_accessible"),
    ("aws_redshift_cluster", "publicly_accessible"),
];

pub(super) fn examine(resource: &Resource, found: &mut Findings) {
    encryption(resource, found);
    publicity(resource, found);
    match resource.kind.as_str() {
        "aws_ecr_repository" => tags(resource, found),
        "aws_cloudwatch_log_group" => retention(resource, found),
        "aws_s3_bucket" | "aws_s3_bucket_acl" => acl(resource, found),
        "aws_s3_bucket_public_access_block" | "aws_s3_account_public_access_block" => {
            block(resource, found);
        }
        _ => {}
    }
}

fn encryption(resource: &Resource, found: &mut Findings) {
    let here = UNENCRYPTED
        .iter()
        .filter(|(kind, _)| *kind == resource.kind);
    for (_, attribute) in here {
        match Seen::at(resource, attribute) {
            Seen::Later => found.later(Rule::Unencrypted, &resource.address, attribute),
            Seen::Known(Value::Bool(true)) => {}
            // The provider's version 6 has Redshift's as text.
            seen if seen.text() == Some("true") => {}
            _ if is_serverless_v1(resource) => {}
            _ => found.add(
                Rule::Unencrypted,
                &resource.address,
                format!("`{attribute}` is not true"),
            ),
        }
    }
}

fn publicity(resource: &Resource, found: &mut Findings) {
    // Redshift was public by default before version 6 of the provider.
    let open_by_default = resource.kind == "aws_redshift_cluster";
    for (_, attribute) in PUBLIC.iter().filter(|(kind, _)| *kind == resource.kind) {
        match Seen::at(resource, attribute) {
            Seen::Later => found.later(Rule::PublicDatabase, &resource.address, attribute),
            Seen::Known(Value::Bool(false)) => {}
            Seen::Absent if !open_by_default => {}
            _ => found.add(
                Rule::PublicDatabase,
                &resource.address,
                format!("`{attribute}` is not false"),
            ),
        }
    }
}

fn tags(resource: &Resource, found: &mut Findings) {
    match Seen::at(resource, "image_tag_mutability") {
        Seen::Later => {}
        seen if seen
            .text()
            .is_some_and(|text| text.starts_with("IMMUTABLE")) => {}
        _ => found.add(Rule::MutableTags, &resource.address, "a tag can be moved"),
    }
}

/// Aurora Serverless v1 is always encrypted
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.html>).
fn is_serverless_v1(cluster: &Resource) -> bool {
    cluster.kind == "aws_rds_cluster"
        && Seen::at(cluster, "engine_mode").text() == Some("serverless")
}

fn retention(resource: &Resource, found: &mut Findings) {
    match Seen::at(resource, "retention_in_days") {
        Seen::Later => {}
        Seen::Known(days) if days.as_u64().is_some_and(|days| days > 0) => {}
        _ => found.add(
            Rule::EndlessLogs,
            &resource.address,
            "`retention_in_days` is not set",
        ),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl>
fn acl(resource: &Resource, found: &mut Findings) {
    match Seen::at(resource, "acl") {
        Seen::Later => found.later(Rule::PublicBucket, &resource.address, "acl"),
        seen => {
            if let Some(acl) = seen.text()
                && matches!(
                    acl,
                    "public-read" | "public-read-write" | "authenticated-read"
                )
            {
                found.add(
                    Rule::PublicBucket,
                    &resource.address,
                    format!("`acl` is {acl:?}"),
                );
            }
        }
    }
}

/// New buckets have all four since April 2023, so to set none is safe; to set fewer is not.
fn block(resource: &Resource, found: &mut Findings) {
    for name in [
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    ] {
        match Seen::at(resource, name) {
            Seen::Later => found.later(Rule::PublicBucket, &resource.address, name),
            seen if seen.is_true() => {}
            // The provider writes false where nothing is set.
            _ => found.add(
                Rule::PublicBucket,
                &resource.address,
                format!("`{name}` is not true"),
            ),
        }
    }
}
