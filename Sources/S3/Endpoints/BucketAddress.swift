import Transfer

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

    private init(_ scheme: EndpointURL.Scheme, host: String, basePath: String, region: String) {
        self.scheme = scheme
        self.host = host
        self.basePath = basePath
        self.region = region
    }

    /// Without an endpoint it is AWS's own one of `region`; without a bucket the address of the service.
    init(
        endpoint: EndpointURL?, region: String, addressing: Addressing, bucket: String?, aws: AWSEndpoints = AWSEndpoints()
    ) {
        let base = endpoint ?? aws.service(in: region)
        let wantsVirtual = addressing == .virtual || (addressing == .auto && endpoint == nil)
        var host = base.authority
        var basePath = base.basePath
        if let bucket {
            if wantsVirtual, !base.isAddress, BucketAddress.isHostName(bucket, scheme: base.scheme) {
                host = "\(bucket).\(host)"
            } else {
                basePath += "/\(PercentEncoding.query(bucket))"
            }
        }
        self.init(base.scheme, host: host, basePath: basePath, region: Region.signing(region))
    }

    /// An access point is always a part of the host's name, and signed for in its own region.
    init(endpoint: EndpointURL?, accessPoint: AccessPoint, aws: AWSEndpoints) {
        let base = endpoint ?? aws.accessPoints(in: accessPoint.region)
        self.init(
            base.scheme, host: "\(accessPoint.name)-\(accessPoint.account).\(base.authority)", basePath: base.basePath,
            region: accessPoint.region)
    }

    /// The same bucket at another host of the same endpoint, to which the store has sent us.
    func moved(to host: String, bucket: String) -> BucketAddress {
        let inPath = "/\(PercentEncoding.query(bucket))"
        let becomesVirtual = host == "\(bucket).\(self.host)" && basePath.hasSuffix(inPath)
        return BucketAddress(
            scheme, host: host, basePath: becomesVirtual ? String(basePath.dropLast(inPath.count)) : basePath, region: region)
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
        return labels.allSatisfy { label in isHostLabel(label) && !label.contains { $0.isUppercase } }
    }
}
