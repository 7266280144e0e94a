/// A part of AWS that is run apart from the others and has DNS names of its own (botocore's partitions.json).
struct Partition: Hashable, Sendable {
    /// As the second word of an ARN.
    let name: String
    /// What the names of its services end with.
    let suffix: String
    /// The same of those that have IPv6 addresses, but for S3, which has a word in front for that.
    let dualStackSuffix: String
    /// What its regions begin with; empty for the one that has all others.
    private let prefix: String

    /// Whose region this is.
    static func of(region: String) -> Partition {
        all.first { !$0.prefix.isEmpty && region.hasPrefix($0.prefix) } ?? all[0]
    }

    private static let all = [
        Partition(name: "aws", suffix: "amazonaws.com", dualStackSuffix: "api.aws", prefix: ""),
        Partition(name: "aws-cn", suffix: "amazonaws.com.cn", dualStackSuffix: "api.amazonwebservices.com.cn", prefix: "cn-"),
        Partition(name: "aws-us-gov", suffix: "amazonaws.com", dualStackSuffix: "api.aws", prefix: "us-gov-"),
        Partition(name: "aws-iso", suffix: "c2s.ic.gov", dualStackSuffix: "api.aws.ic.gov", prefix: "us-iso-"),
        Partition(name: "aws-iso-b", suffix: "sc2s.sgov.gov", dualStackSuffix: "api.aws.scloud", prefix: "us-isob-"),
        Partition(name: "aws-iso-e", suffix: "cloud.adc-e.uk", dualStackSuffix: "api.cloud-aws.adc-e.uk", prefix: "eu-isoe-"),
        Partition(name: "aws-iso-f", suffix: "csp.hci.ic.gov", dualStackSuffix: "api.aws.hci.ic.gov", prefix: "us-isof-"),
        Partition(name: "aws-eusc", suffix: "amazonaws.eu", dualStackSuffix: "api.amazonwebservices.eu", prefix: "eusc-"),
    ]

    /// S3 has no FIPS endpoints in China.
    var hasFIPS: Bool { name != "aws-cn" }
}
