/// The requests that are made of S3, by their names in S3's documentation.
public enum S3Operation: String, Hashable, Sendable {
    case listObjects = "ListObjectsV2"
    case getObject = "GetObject"
    case headObject = "HeadObject"
    case headBucket = "HeadBucket"

    var method: String {
        switch self {
        case .listObjects, .getObject: "GET"
        case .headObject, .headBucket: "HEAD"
        }
    }

    /// Whether it is addressed to a bucket rather than to an object in it.
    var isOfBucket: Bool { self == .listObjects || self == .headBucket }
}

/// What a request is made of: an object, or a bucket.
public struct S3Resource: Hashable, Sendable, CustomStringConvertible {
    public let bucket: String
    /// Of a listing the prefix.
    public let key: String?

    public init(bucket: String, key: String? = nil) {
        self.bucket = bucket
        self.key = key
    }

    /// `s3://bucket/key`, on one line whatever the key holds.
    public var description: String { "s3://\(oneLine(bucket))\(key.map { "/\(oneLine($0))" } ?? "")" }
}

/// `text` with every character that could break a line, or hide in one, as `\u{…}`, and cut at `limit` characters.
func oneLine(_ text: String, limit: Int = 1_100) -> String {
    var line = ""
    for (count, scalar) in text.unicodeScalars.enumerated() {
        if count == limit { return line + "…" }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: line += "\\u{\(String(scalar.value, radix: 16))}"
        default: line.unicodeScalars.append(scalar)
        }
    }
    return line
}
