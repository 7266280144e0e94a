import Servables

/// An access point, which stands in a bucket's place by its ARN: `arn:aws:s3:REGION:ACCOUNT:accesspoint:NAME`. (Its alias, which
/// ends with `-s3alias`, is an ordinary bucket name.)
struct AccessPoint: Hashable, Sendable {
    /// The name of the partition.
    let partition: String
    let region: String
    let account: String
    let name: String

    /// Whether a bucket's name is an ARN, of whatever.
    static func isARN(_ bucket: String) -> Bool { bucket.hasPrefix("arn:") }

    /// - Throws: what is wrong with the ARN, or that what it names is not supported.
    init(arn: String) throws(ParseFault) {
        let parts = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0] == "arn", !parts[1].isEmpty else { throw AccessPoint.malformed }
        if let what = AccessPoint.unsupported[parts[2]] { throw ParseFault("\(what); name a bucket or an S3 access point") }
        guard parts[2] == "s3" else { throw AccessPoint.malformed }
        // After the account `:` and `/` are the same.
        let resource = parts[5].split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "/" }
        guard resource.count == 2, resource[0] == "accesspoint" else { throw AccessPoint.malformed }
        guard !parts[3].isEmpty else {
            throw ParseFault("Multi-Region Access Points are not supported; name the bucket of one region")
        }
        guard isHostLabel(parts[3]) else { throw ParseFault("the region in the ARN is malformed") }
        guard isHostLabel(parts[4]) else { throw ParseFault("the account in the ARN is malformed") }
        guard isHostLabel(resource[1]) else { throw ParseFault("the access point's name in the ARN is malformed") }
        partition = parts[1]
        region = parts[3]
        account = parts[4]
        name = String(resource[1])
    }

    private static let malformed = ParseFault("expected a bucket or arn:aws:s3:REGION:ACCOUNT:accesspoint:NAME")
    private static let unsupported = [
        "s3-object-lambda": "Object Lambda access points are not supported",
        "s3-outposts": "S3 on Outposts is not supported",
        "s3express": "directory buckets (S3 Express) are not supported",
    ]
}
