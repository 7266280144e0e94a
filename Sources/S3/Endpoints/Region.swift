import Servables

/// A region's name: what is signed for, and for AWS a part of the host's name.
enum Region {
    /// What is signed for where nothing says otherwise; a bucket elsewhere answers with its own region.
    static let standard = "us-east-1"

    /// Whether `name` can be a region that a person configured: DNS labels, since it becomes a part of a host's name.
    static func isValid(_ name: String) -> Bool {
        name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isLabel($0) }
    }

    /// Whether `name` can be a region that a store's answer gave: one label, so that no answer can send us to a host of its
    /// own choice.
    static func isValidAnswer(_ name: String) -> Bool { isLabel(Substring(name)) }

    /// `aws-global` is the name of the endpoint without a region, which signs for `us-east-1`.
    static func signing(_ name: String) -> String { name == "aws-global" ? standard : name }

    /// AWS's endpoint for a region, by partition (AWS, "General Reference: service endpoints"; botocore's partitions.json).
    static func endpoint(_ name: String) -> EndpointURL {
        if name == "aws-global" { return EndpointURL(scheme: .https, host: "s3.amazonaws.com") }
        let suffix = partitions.first { name.hasPrefix($0.prefix) }?.suffix ?? "amazonaws.com"
        return EndpointURL(scheme: .https, host: "s3.\(name).\(suffix)")
    }

    private static let partitions: [(prefix: String, suffix: String)] = [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("eusc-", "amazonaws.eu"),
    ]

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
            && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
}
