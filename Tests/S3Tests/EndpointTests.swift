import PlainJSON
import Servables
import Testing

@testable import S3

@Suite("Endpoints")
struct EndpointTests {
    /// Why a case of botocore's rule set is none of ours; `nil` for one that must pass.
    private static func inapplicable(_ test: JSON) -> String? {
        guard let parameters = test["params"] else { return "no parameters" }
        func isOn(_ name: String) -> Bool { parameters[name]?.bool == true }
        let bucket = parameters["Bucket"]?.string ?? ""
        if isOn("Accelerate") { return "transfer acceleration is not supported" }
        if isOn("UseS3ExpressControlEndpoint") { return "directory buckets are not supported" }
        if isOn("UseObjectLambdaEndpoint") { return "Object Lambda is not supported" }
        if isOn("DisableAccessPoints") || isOn("DisableMultiRegionAccessPoints") { return "no operation of ours forbids them" }
        if test["expect"]?["error"]?.string?.contains("UseArnRegion is") == true {
            return "an access point is always asked in its own region"
        }
        // What is refused, whatever else the case wants, is looked at by another test.
        if ["--x-s3", "--xa-s3", "--op-s3"].contains(where: { bucket.hasSuffix($0) }) { return "refused by its ending" }
        let region = parameters["Region"]?.string
        if region == nil { return "without a region it is us-east-1" }
        let isRegional = isOn("UseFIPS") || isOn("UseDualStack") || parameters["Endpoint"] != nil
        if isOn("UseGlobalEndpoint"), region == "us-east-1", !isRegional { return "no new client uses the global endpoint" }
        let isSupported = test["expect"]?["error"] != nil || (!bucket.contains(".mrap") && AccessPoint.isOfS3(bucket))
        return isSupported ? nil : "Object Lambda, Outposts and Multi-Region Access Points are not supported"
    }

    /// How many cases there are of each kind, so that none is left out by mistake.
    private static let counts = [
        "passes": 198, "refused by its ending": 110, "transfer acceleration is not supported": 30,
        "directory buckets are not supported": 16, "Object Lambda, Outposts and Multi-Region Access Points are not supported": 15,
        "Object Lambda is not supported": 8, "an access point is always asked in its own region": 6,
        "no new client uses the global endpoint": 5, "no operation of ours forbids them": 4,
        "without a region it is us-east-1": 1,
    ]

    private static func address(_ parameters: JSON) throws -> BucketAddress {
        var options = S3Options()
        options.region = parameters["Region"]?.string.map { Sourced($0, origin: "test") }
        options.endpoint = parameters["Endpoint"]?.string.map { Sourced($0, origin: "test") }
        // The rules take the virtual form also at an endpoint that was configured; `auto` takes the path there.
        options.addressing = Sourced(parameters["ForcePathStyle"]?.bool == true ? .path : .virtual, origin: "test")
        var environment: [String: String] = [:]
        if parameters["UseFIPS"]?.bool == true { environment["AWS_USE_FIPS_ENDPOINT"] = "true" }
        if parameters["UseDualStack"]?.bool == true { environment["AWS_USE_DUALSTACK_ENDPOINT"] = "true" }
        return try S3Configuration(options: options, environment: environment, profile: nil)
            .address(bucket: parameters["Bucket"]?.string)
    }

    @Test("botocore's endpoint rules give their URL and region, or an error", .enabled(if: SharedData.isPresent, "no test data"))
    func rules() throws {
        let file = try JSON(parsing: try SharedData.bytes("s3-endpoints", "endpoint-tests.json"))
        let all = try #require(file["testCases"]?.array)
        let cases = all.filter { Self.inapplicable($0) == nil }
        #expect(Dictionary(all.map { (Self.inapplicable($0) ?? "passes", 1) }, uniquingKeysWith: +) == Self.counts)
        for test in cases {
            let name = Comment(rawValue: test["documentation"]?.string ?? "?")
            let parameters = try #require(test["params"])
            guard let expected = test["expect"]?["endpoint"] else {
                let failure = try #require(throws: Failure.self, name) { try Self.address(parameters) }
                #expect(failure.kind == .configuration && !failure.message.contains("\n"), name)
                continue
            }
            let address = try Self.address(parameters)
            #expect(address.url(path: address.basePath, query: "") == expected["url"]?.string, name)
            #expect(address.region == expected["properties"]?["authSchemes"]?[0]?["signingRegion"]?.string, name)
        }
    }

    @Test(
        "what is no bucket that plain requests reach is refused with what to do",
        arguments: [
            ("arn:aws:s3-object-lambda:us-east-1:1:accesspoint/x", "Object Lambda"),
            ("arn:aws:s3-outposts:us-east-1:1:x", "Outposts"),
            ("arn:aws:s3::1:accesspoint:x.mrap", "Multi-Region"),
            ("arn:aws:s3:us-east-1:1:bucket:x", "expected a bucket or arn:aws:s3:"),
            ("arn:aws:s3:us-east-1:1:accesspoint:x:y", "expected a bucket"), ("arn:aws:s3:us-east-1:1_:accesspoint:x", "account"),
            ("arn:aws:s3:us-east-1.evil:1:accesspoint:x", "region in the ARN"), ("arn:aws:s3:us-east-1:1:accesspoint:x_", "name"),
            ("arn:aws-cn:s3:cn-north-1:1:accesspoint:x", "set --s3-region"),
            ("arn:aws:s3:cn-north-1:1:accesspoint:x", "set --s3-region"),
            ("b--use1-az4--x-s3", "directory buckets"), ("a--use1-az4--xa-s3", "directory buckets"), ("x--op-s3", "Outposts"),
            ("", "name one"), ("..", "correct it"), ("a\nb", "correct it"), (String(repeating: "b", count: 256), "255 bytes"),
        ])
    func unsupported(bucket: String, says: String) throws {
        let configuration = try S3Configuration(options: S3Options(), environment: [:], profile: nil)
        let failure = try #require(throws: Failure.self) { try configuration.check(bucket: bucket) }
        #expect(failure.kind == .configuration && !failure.isTransient)
        #expect(failure.message.contains(says), "\(failure)")
        #expect(failure.message.hasPrefix("s3://") && !failure.message.contains("\n"))
    }

    @Test("endings that mean something at AWS mean nothing elsewhere, and an alias is an ordinary name")
    func endings() throws {
        var options = S3Options()
        options.endpoint = Sourced("http://minio:9000", origin: "test")
        let elsewhere = try S3Configuration(options: options, environment: [:], profile: nil)
        #expect(try elsewhere.address(bucket: "b--x-s3").path(key: "k") == "/b--x-s3/k")
        let aws = try S3Configuration(options: S3Options(), environment: [:], profile: nil)
        let alias = "mine-abcdefghijklmnopqrstuvwxyz012345678-s3alias"
        #expect(try aws.address(bucket: alias).host == "\(alias).s3.us-east-1.amazonaws.com")
    }

    @Test("an access point's ARN is taken with a slash, too; it has a name below an endpoint but no path and no IP address")
    func accessPoints() throws {
        func address(_ change: (inout S3Options) -> Void) throws -> BucketAddress {
            var options = S3Options()
            change(&options)
            return try S3Configuration(options: options, environment: [:], profile: nil)
                .address(bucket: "arn:aws:s3:eu-west-1:12:accesspoint/mine", at: BucketPlace(region: "us-west-2"))
        }
        let plain = try address { _ in }
        #expect(plain.host == "mine-12.s3-accesspoint.eu-west-1.amazonaws.com" && plain.region == "eu-west-1")
        #expect(plain.path(key: "k") == "/k" && plain.bucketPath == "/")
        for change in [
            { $0.addressing = Sourced(.path, origin: "--s3-addressing") },
            { $0.endpoint = Sourced("http://10.0.0.1", origin: "E") },
        ] as [(inout S3Options) -> Void] {
            let failure = try #require(throws: Failure.self) { try address(change) }
            #expect(failure.message.contains("use its alias"))
        }
    }

    @Test("at an endpoint that was configured the bucket stands in the path, unless virtual names are asked for")
    func addressing() throws {
        func url(_ endpoint: String?, _ addressing: Addressing, _ bucket: String) throws -> String {
            let address = BucketAddress(
                endpoint: try endpoint.map { try EndpointURL(parsing: $0) }, region: "eu-west-1", addressing: addressing,
                bucket: bucket)
            return address.url(path: address.path(key: "k/a b"), query: "")
        }
        #expect(try url(nil, .auto, "models") == "https://models.s3.eu-west-1.amazonaws.com/k/a%20b")
        #expect(try url(nil, .path, "models") == "https://s3.eu-west-1.amazonaws.com/models/k/a%20b")
        #expect(try url(nil, .auto, "my.models") == "https://s3.eu-west-1.amazonaws.com/my.models/k/a%20b")
        #expect(try url("http://minio:9000/", .auto, "models") == "http://minio:9000/models/k/a%20b")
        #expect(try url("http://minio:9000/base/x", .virtual, "models") == "http://models.minio:9000/base/x/k/a%20b")
        #expect(try url("http://minio:9000/base/x", .path, "models") == "http://minio:9000/base/x/models/k/a%20b")
        #expect(try url("https://[fd00::1]:443", .virtual, "models") == "https://[fd00::1]/models/k/a%20b")
        #expect(try url("http://h:80", .auto, "b/../c?x#y") == "http://h/b%2F..%2Fc%3Fx%23y/k/a%20b")
    }

    @Test(
        "an endpoint that is none is refused without quoting it",
        arguments: [
            "minio:9000", "ftp://h", "http://", "http://h:0", "http://h:65536", "http://h:9x", "http://h:+9", "http://h:",
            "http://a b",
            "http://user:hunter2@h", "http://h?x=1", "http://h/#f", "http://[::1", "http://[zz]", "http://h/%zz", "http://a..b",
            "http://h/\u{1}",
        ])
    func malformed(text: String) throws {
        let fault = try #require(throws: ParseFault.self) { try EndpointURL(parsing: text) }
        #expect(!fault.reason.contains("hunter2"))
    }

    @Test(
        "a region that a store answers with cannot lead to another host",
        arguments: ["eu-west-1.evil.example", "eu west", "", "-a", "a/b", "a@b", "ü", String(repeating: "a", count: 64)])
    func hostileRegion(region: String) {
        let refusal = Refusal(status: 301, code: "PermanentRedirect", region: region)
        #expect(refusal.betterRegion(than: "us-east-1") == nil)
        #expect(Refusal(status: 301, region: "eu-west-1").betterRegion(than: "us-east-1") == "eu-west-1")
    }
}

extension AccessPoint {
    /// Whether a bucket is no ARN, or one of S3 itself.
    fileprivate static func isOfS3(_ bucket: String) -> Bool {
        !isARN(bucket) || bucket.split(separator: ":").dropFirst(2).first == "s3"
    }
}
