/// How a bucket stands in a URL.
public enum Addressing: String, Hashable, Sendable, CaseIterable {
    /// `virtual` at AWS, `path` at an endpoint that was configured, since few of those have wildcard names (as botocore).
    case auto
    /// `https://host/bucket/key`.
    case path
    /// `https://bucket.host/key`, where the bucket's name and the host allow it, else as `path`.
    case virtual
}

/// Where the requests of one bucket go.
struct BucketAddress: Hashable, Sendable {
    let scheme: EndpointURL.Scheme
    /// The value of the `Host` header.
    let host: String
    /// Encoded; what stands before a key's own `/`.
    let basePath: String
    /// What requests are signed for.
    let region: String

    /// Without an endpoint it is AWS's own one of `region`; without a bucket the address of the service.
    init(endpoint: EndpointURL?, region: String, addressing: Addressing, bucket: String?) {
        let base = endpoint ?? Region.endpoint(region)
        scheme = base.scheme
        self.region = Region.signing(region)
        let wantsVirtual = addressing == .virtual || (addressing == .auto && endpoint == nil)
        guard let bucket else {
            host = base.authority
            basePath = base.basePath
            return
        }
        if wantsVirtual, !base.isAddress, BucketAddress.isHostName(bucket, scheme: base.scheme) {
            host = "\(bucket).\(base.authority)"
            basePath = base.basePath
        } else {
            host = base.authority
            basePath = "\(base.basePath)/\(PercentEncoding.query(bucket))"
        }
    }

    /// The encoded path of the bucket itself, which is never empty.
    var bucketPath: String { basePath.isEmpty ? "/" : basePath }

    /// The encoded path of a key.
    func path(key: String) -> String { "\(basePath)/\(PercentEncoding.path(key))" }

    func url(path: String, query: String) -> String {
        "\(scheme.rawValue)://\(host)\(path)\(query.isEmpty ? "" : "?\(query)")"
    }

    /// Whether a bucket's name can stand in a host's name: 3 to 63 lower-case letters, digits and hyphens. Dots are possible
    /// over http only, since the wildcard of a certificate covers one label.
    private static func isHostName(_ bucket: String, scheme: EndpointURL.Scheme) -> Bool {
        guard (3...63).contains(bucket.utf8.count) else { return false }
        let labels = bucket.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count == 1 || scheme == .http else { return false }
        return labels.allSatisfy { label in
            label.first != nil && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
                }
        }
    }
}
