import Servables

/// A region's name: what is signed for, and for AWS a part of the host's name.
enum Region {
    /// What is signed for where nothing says otherwise; a bucket elsewhere answers with its own region.
    static let standard = "us-east-1"

    /// Whether `name` can be a region that a person configured: DNS labels, since it becomes a part of a host's name.
    static func isValid(_ name: String) -> Bool {
        name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isHostLabel($0) }
    }

    /// Whether `name` can be a region that a store's answer gave: one label, so that no answer can send us to a host of its
    /// own choice.
    static func isValidAnswer(_ name: String) -> Bool { isHostLabel(name) }

    /// `aws-global` is the name of the endpoint without a region, which signs for `us-east-1`.
    static func signing(_ name: String) -> String { name == "aws-global" ? standard : name }
}

/// Which of AWS's endpoints of a region are spoken to (AWS, "Amazon S3 endpoints"; botocore's endpoint rules).
struct AWSEndpoints: Hashable, Sendable {
    /// Those that have IPv6 addresses, too.
    var dualStack = false
    /// Those with validated cryptography.
    var fips = false

    /// The service's own address in a region.
    func service(in region: String) -> EndpointURL {
        // The endpoint without a region has no variants.
        if region == "aws-global", !dualStack, !fips { return EndpointURL(scheme: .https, host: "s3.amazonaws.com") }
        return endpoint("s3", in: Region.signing(region))
    }

    /// What the names of access points in a region stand before.
    func accessPoints(in region: String) -> EndpointURL { endpoint("s3-accesspoint", in: region) }

    /// The Security Token Service's address in a region (botocore's rules for `sts`).
    func tokenService(in region: String) -> EndpointURL {
        let partition = Partition.of(region: region)
        // In the US government's regions every one is validated.
        let isMarked = fips && (dualStack || partition.name != "aws-us-gov")
        let suffix = dualStack ? partition.dualStackSuffix : partition.suffix
        return EndpointURL(scheme: .https, host: "\(isMarked ? "sts-fips" : "sts").\(region).\(suffix)")
    }

    private func endpoint(_ service: String, in region: String) -> EndpointURL {
        let name = service + (fips ? "-fips" : "") + (dualStack ? ".dualstack" : "")
        return EndpointURL(scheme: .https, host: "\(name).\(region).\(Partition.of(region: region).suffix)")
    }
}

/// Whether `text` can be one part between the dots of a host's name: 1 to 63 ASCII letters, digits and inner hyphens.
func isHostLabel(_ text: some StringProtocol) -> Bool {
    (1...63).contains(text.utf8.count) && text.first != "-" && text.last != "-"
        && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
}
