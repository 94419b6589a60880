//! Operations of S3.

/// Subresources of S3 buckets and objects that make an operation of their own.
const SUBRESOURCES: &[(&str, &str)] = &[
    ("versioning", "BucketVersioning"),
    ("encryption", "BucketEncryption"),
    ("publicAccessBlock", "PublicAccessBlock"),
    ("policy", "BucketPolicy"),
    ("tagging", "Tagging"),
    ("lifecycle", "BucketLifecycleConfiguration"),
    ("ownershipControls", "BucketOwnershipControls"),
    ("acl", "Acl"),
    ("location", "BucketLocation"),
];

/// The operation of an S3 request in path style: `/bucket` or `/bucket/key`.
pub(super) fn operation(method: &str, path: &str, query: &[(String, String)]) -> String {
    let has = |name: &str| query.iter().any(|(key, _)| key == name);
    let (bucket, key) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_start_matches('/'), ""));
    let subresource = SUBRESOURCES.iter().find(|(name, _)| has(name));
    let verb = match method {
        "PUT" | "POST" => "Put",
        "DELETE" => "Delete",
        _ => "Get",
    };
    if let Some((_, name)) = subresource {
        return format!("{verb}{name}");
    }
    let name = match (method, bucket.is_empty(), key.is_empty()) {
        (_, true, _) => "ListBuckets",
        ("PUT", _, true) => "CreateBucket",
        ("DELETE", _, true) => "DeleteBucket",
        ("HEAD", _, true) => "HeadBucket",
        ("POST", _, true) if has("delete") => "DeleteObjects",
        (_, _, true) if has("versions") => "ListObjectVersions",
        (_, _, true) => "ListObjectsV2",
        ("PUT", ..) if has("uploadId") => "UploadPart",
        ("PUT", ..) => "PutObject",
        ("POST", ..) if has("uploads") => "CreateMultipartUpload",
        ("POST", ..) => "CompleteMultipartUpload",
        ("DELETE", ..) => "DeleteObject",
        ("HEAD", ..) => "HeadObject",
        _ => "GetObject",
    };
    name.to_owned()
}
