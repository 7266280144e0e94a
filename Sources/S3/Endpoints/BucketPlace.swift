/// Where a bucket is, as far as the store's refusals told: what is changed of the address that the configuration gives it.
struct BucketPlace: Hashable, Sendable {
    /// Its region.
    var region: String?
    /// A host, with port, below that of the endpoint.
    var host: String?
}

extension BucketPlace {
    /// What a refusal teaches; `nil` where that is nothing new. A region, or a host below the configured endpoint's: no answer
    /// can make us sign for a host of its own choice, nor give up TLS.
    /// - Parameters:
    ///   - refusal: what was answered.
    ///   - address: what was asked.
    ///   - endpoint: the one that was configured; `nil` for AWS's own.
    init?(from refusal: Refusal, asked address: BucketAddress, endpoint: EndpointURL?) {
        if let region = refusal.betterRegion(than: address.region) {
            self.init(region: region)
            return
        }
        guard refusal.isRedirect, let target = refusal.location else { return nil }
        guard let endpoint else {
            guard let region = BucketPlace.region(ofHost: target.host, in: Partition.of(region: address.region)),
                region != address.region
            else { return nil }
            self.init(region: region)
            return
        }
        guard target.scheme == endpoint.scheme, target.port == endpoint.port, !endpoint.isAddress,
            target.host == endpoint.host || target.host.hasSuffix(".\(endpoint.host)"), target.authority != address.host
        else { return nil }
        self.init(host: target.authority)
    }

    /// The region in the name of one of AWS's hosts: `bucket.s3.eu-west-1.amazonaws.com`, `s3-eu-west-1.amazonaws.com` (the old
    /// form, in which S3 still answers), `s3.dualstack.eu-west-1.amazonaws.com`.
    private static func region(ofHost host: String, in partition: Partition) -> String? {
        guard host.hasSuffix(".\(partition.suffix)") else { return nil }
        let labels = host.dropLast(partition.suffix.utf8.count + 1).split(separator: ".")
        guard let last = labels.last, let service = labels.lastIndex(where: { $0 == "s3" || $0.hasPrefix("s3-") }) else {
            return nil
        }
        let behind = labels[(service + 1)...].filter { $0 != "dualstack" }
        let region: String
        switch behind.count {
        case 0: region = last == "s3" ? Region.standard : String(last.dropFirst("s3-".count))
        case 1: region = String(behind[behind.startIndex])
        default: return nil
        }
        return Region.isValidAnswer(region) && Partition.of(region: region) == partition ? region : nil
    }
}
