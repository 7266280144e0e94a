public import Servables

extension S3Configuration {
    private var aws: AWSEndpoints { AWSEndpoints(dualStack: dualStack.value, fips: fips.value) }

    /// What no single setting is at fault for.
    func check() throws(Failure) {
        guard Region.isValid(region.value) else {
            throw Failure(.configuration, "\(region.origin): a region is a name such as us-east-1")
        }
        for (variant, name) in [(dualStack, "dual-stack"), (fips, "FIPS")] where variant.value && endpoint.value != nil {
            throw Failure(
                .configuration,
                "\(variant.origin): AWS's \(name) endpoints cannot be used together with the endpoint of \(endpoint.origin); "
                    + "take one of them away")
        }
        try checkFIPS(in: region.value)
    }

    private func checkFIPS(in region: String) throws(Failure) {
        guard fips.value, !Partition.of(region: region).hasFIPS else { return }
        throw Failure(.configuration, "\(fips.origin): S3 has no FIPS endpoint in \(region); take the setting away")
    }

    /// Whether a bucket can be asked for at all.
    /// - Parameter bucket: a name, or the ARN of an access point.
    /// - Throws: a failure of kind `configuration` that says what to do.
    public func check(bucket: String) throws(Failure) {
        _ = try address(bucket: bucket)
    }

    /// Where the requests of `bucket` go.
    /// - Parameters:
    ///   - bucket: a name or the ARN of an access point; `nil` for the service itself.
    ///   - place: what the bucket itself answered, in place of what is configured.
    /// - Returns: the address.
    /// - Throws: a failure of kind `configuration` for what no request can be made of.
    func address(bucket: String?, at place: BucketPlace = BucketPlace()) throws(Failure) -> BucketAddress {
        guard let bucket else { return ordinary(nil, region.value) }
        do throws(ParseFault) {
            if AccessPoint.isARN(bucket) { return try address(of: AccessPoint(arn: bucket)) }
            try BucketName.check(bucket, isAWS: endpoint.value == nil)
        } catch {
            throw Failure(.configuration, "s3://\(oneLine(bucket, limit: 300)): \(error.reason)")
        }
        let region = place.region ?? self.region.value
        try checkFIPS(in: region)
        let address = ordinary(bucket, region)
        return place.host.map { address.moved(to: $0, bucket: bucket) } ?? address
    }

    private func ordinary(_ bucket: String?, _ region: String) -> BucketAddress {
        BucketAddress(endpoint: endpoint.value, region: region, addressing: addressing.value, bucket: bucket, aws: aws)
    }

    private func address(of accessPoint: AccessPoint) throws(ParseFault) -> BucketAddress {
        let partition = Partition.of(region: region.value).name
        guard accessPoint.partition == partition, Partition.of(region: accessPoint.region).name == partition else {
            throw ParseFault("the access point is in another partition than the region \(region.value); set --s3-region")
        }
        if addressing.value == .path {
            throw ParseFault("an access point has no path-style address, which \(addressing.origin) asks for; use its alias")
        }
        if endpoint.value?.isAddress == true {
            throw ParseFault("an access point has no address at the IP address of \(endpoint.origin); use its alias, or a name")
        }
        if fips.value, !Partition.of(region: accessPoint.region).hasFIPS {
            throw ParseFault("S3 has no FIPS endpoint there, which \(fips.origin) asks for; take the setting away")
        }
        return BucketAddress(endpoint: endpoint.value, accessPoint: accessPoint, aws: aws)
    }

    /// The address of the service, for those who want to know which proxy is on the way to it.
    public var serviceURL: String {
        let address = ordinary(nil, region.value)
        return address.url(path: address.bucketPath, query: "")
    }
}
