/// What a request asks for.
public enum Operation: String, CaseIterable, Sendable {
    /// `ListObjectsV2`.
    case list
    case headBucket = "head-bucket"
    case createBucket = "create-bucket"
    /// `GetBucketLocation`.
    case location
    case get, head, put, delete
    case createUpload = "create-upload"
    case uploadPart = "upload-part"
    case completeUpload = "complete-upload"
    case abortUpload = "abort-upload"
    /// Known to S3 but not here (501), or to nobody (405).
    case other
}
