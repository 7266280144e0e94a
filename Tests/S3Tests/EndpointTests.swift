import PlainJSON
import Servables
import Testing
import Transfer

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

@Suite("Configuration of S3")
struct S3ConfigurationTests {
    private func resolve(
        _ environment: [String: String] = [:], profile: String? = nil, _ change: (inout S3Options) -> Void = { _ in }
    ) throws(Failure) -> S3Configuration {
        var options = S3Options()
        change(&options)
        let files = ["/h/.aws/config": profile.map { "[default]\n\($0)" } ?? ""]
        let loaded = try Profile(environment: ["HOME": "/h"], chosen: nil) { (path) throws(Failure) in files[path] }
        return try S3Configuration(options: options, environment: environment, profile: loaded)
    }

    @Test("with nothing set it is AWS, us-east-1, verified and signed")
    func defaults() throws {
        let configuration = try resolve()
        #expect(configuration.endpoint == Sourced(nil, origin: "default"))
        #expect(configuration.region == Sourced("us-east-1", origin: "default"))
        #expect(configuration.addressing == Sourced(.auto, origin: "default"))
        #expect(configuration.anonymous == Sourced(false, origin: "default"))
        #expect(configuration.caFile == Sourced(nil, origin: "default"))
        #expect(configuration.verifyTLS == Sourced(true, origin: "default"))
    }

    @Test("each source of an endpoint is beaten by the one before it, and named as the origin")
    func endpointOrder() throws {
        var environment = [
            "AWS_ENDPOINT_URL_S3": "http://a", "AWS_ENDPOINT_URL": "http://b", "S3_ENDPOINT": "c:1", "S3_USE_HTTPS": "0",
        ]
        func found(_ change: (inout S3Options) -> Void = { _ in }) throws -> String {
            let endpoint = try resolve(environment, profile: "endpoint_url = http://d", change).endpoint
            return "\(endpoint.value?.description ?? "AWS") \(endpoint.origin)"
        }
        #expect(try found { $0.endpoint = Sourced("https://f", origin: "--s3-endpoint") } == "https://f --s3-endpoint")
        #expect(try found() == "http://a AWS_ENDPOINT_URL_S3")
        environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
        #expect(try found() == "http://c:1 S3_ENDPOINT")
        environment["S3_ENDPOINT"] = nil
        #expect(try found() == "AWS default")
        environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = nil
        environment["AWS_ENDPOINT_URL_S3"] = ""
        #expect(try found() == "http://b AWS_ENDPOINT_URL")
        environment["AWS_ENDPOINT_URL"] = nil
        #expect(try found() == "http://d profile default")
    }

    @Test(
        "S3_ENDPOINT with S3_USE_HTTPS is read as people meant it",
        arguments: [
            ("minio:9000", "false", "http://minio:9000"), ("minio:9000", "0", "http://minio:9000"),
            ("minio:9000", "No", "http://minio:9000"), ("minio:9000", "off", "http://minio:9000"),
            ("minio:9000", "1", "https://minio:9000"), ("minio:9000", nil, "https://minio:9000"),
            ("http://minio:9000", "true", "http://minio:9000"), ("https://minio", "0", "https://minio"),
        ] as [(String, String?, String)])
    func kubeflow(endpoint: String, https: String?, url: String) throws {
        var environment = ["S3_ENDPOINT": endpoint]
        environment["S3_USE_HTTPS"] = https
        #expect(try resolve(environment).endpoint.value?.description == url)
    }

    @Test("the region is looked for in order, and named as from where")
    func region() throws {
        let all = ["AWS_REGION": "r1", "AWS_DEFAULT_REGION": "r2", "S3_REGION": "r3"]
        #expect(try resolve(all) { $0.region = Sourced("r0", origin: "?region") }.region == Sourced("r0", origin: "?region"))
        #expect(try resolve(all).region == Sourced("r1", origin: "AWS_REGION"))
        #expect(try resolve(all.filter { $0.key != "AWS_REGION" }).region == Sourced("r2", origin: "AWS_DEFAULT_REGION"))
        #expect(try resolve(["S3_REGION": "r3"], profile: "region = r4").region == Sourced("r3", origin: "S3_REGION"))
        #expect(try resolve(profile: "region = r4").region == Sourced("r4", origin: "profile default"))
        let failure = try #require(throws: Failure.self) { try resolve(["AWS_REGION": "eu west"]) }
        #expect(failure.kind == .configuration)
        #expect(failure.message.hasPrefix("AWS_REGION:"))
    }

    @Test("dual-stack and FIPS are switched by variable or profile, each named as from where")
    func variants() throws {
        func host(_ environment: [String: String], profile: String? = nil) throws -> String {
            try resolve(environment, profile: profile).address(bucket: "models").host
        }
        #expect(try host(["AWS_USE_DUALSTACK_ENDPOINT": "true"]) == "models.s3.dualstack.us-east-1.amazonaws.com")
        #expect(try host(["AWS_USE_FIPS_ENDPOINT": "TRUE"]) == "models.s3-fips.us-east-1.amazonaws.com")
        #expect(
            try host([:], profile: "use_fips_endpoint = true\nregion = us-gov-west-1")
                == "models.s3-fips.us-gov-west-1.amazonaws.com")
        let nested = "s3 =\n  use_dualstack_endpoint = true\n  addressing_style = path"
        let configuration = try resolve(profile: nested)
        #expect(configuration.dualStack == Sourced(true, origin: "profile default"))
        #expect(configuration.addressing == Sourced(.path, origin: "profile default"))
        #expect(try host(["AWS_USE_DUALSTACK_ENDPOINT": "false"], profile: nested) == "s3.us-east-1.amazonaws.com")
        let bad = try #require(throws: Failure.self) { try resolve(profile: "s3 =\n  addressing_style = web") }
        #expect(bad.message == "profile default: addressing_style is auto, path or virtual")
    }

    @Test(
        "settings that exclude each other are refused with both origins",
        arguments: [
            (
                ["AWS_USE_FIPS_ENDPOINT": "1", "AWS_ENDPOINT_URL": "http://h"], "AWS_USE_FIPS_ENDPOINT: ",
                "of AWS_ENDPOINT_URL; take one"
            ),
            (
                ["AWS_USE_DUALSTACK_ENDPOINT": "1", "S3_ENDPOINT": "h"], "AWS_USE_DUALSTACK_ENDPOINT: ",
                "of S3_ENDPOINT; take one"
            ),
            (
                ["AWS_USE_FIPS_ENDPOINT": "1", "AWS_REGION": "cn-north-1"], "AWS_USE_FIPS_ENDPOINT: ",
                "no FIPS endpoint in cn-north-1"
            ),
            (["HTTPS_PROXY": "socks5://u:hunter2@p"], "HTTPS_PROXY: ", "expected an HTTP proxy"),
        ])
    func contradictions(environment: [String: String], begins: String, says: String) throws {
        let failure = try #require(throws: Failure.self) { try resolve(environment) }
        #expect(failure.kind == .configuration)
        #expect(failure.message.hasPrefix(begins) && failure.message.contains(says) && !failure.message.contains("hunter2"))
    }

    @Test("proxies and a client certificate reach the transport")
    func transport() throws {
        let configuration = try resolve(["HTTPS_PROXY": "http://p:1"], profile: "client_cert = /c.pem\nclient_key = /k.pem")
        let transport = configuration.transport(version: "1")
        #expect(transport.proxies.route(to: configuration.serviceURL).origin == "HTTPS_PROXY")
        #expect(transport.clientCertificate == ClientCertificate(certificate: "/c.pem", key: "/k.pem"))
        #expect(configuration.clientCertificate.origin == "profile default")
        let one = try resolve(profile: "client_cert = /c.pem").clientCertificate.value
        #expect(one == ClientCertificate(certificate: "/c.pem", key: "/c.pem"))
        for (profile, says) in [("client_cert = c.pem", "absolute paths"), ("client_key = /k.pem", "set both")] {
            let failure = try #require(throws: Failure.self) { try resolve(profile: profile) }
            #expect(failure.kind == .configuration && failure.message.contains(says))
        }
    }

    @Test("KServe's and Kubeflow's variables are honoured, and beaten by flags")
    func variables() throws {
        let environment = [
            "S3_USER_VIRTUAL_BUCKET": "true", "awsAnonymousCredential": "True", "S3_VERIFY_SSL": "0", "AWS_CA_BUNDLE": "/a",
            "S3_CA_FILE": "/b",
        ]
        let configuration = try resolve(environment)
        #expect(configuration.addressing == Sourced(.virtual, origin: "S3_USER_VIRTUAL_BUCKET"))
        #expect(configuration.anonymous == Sourced(true, origin: "awsAnonymousCredential"))
        #expect(configuration.verifyTLS == Sourced(false, origin: "S3_VERIFY_SSL"))
        #expect(configuration.caFile == Sourced("/a", origin: "AWS_CA_BUNDLE"))
        #expect(try resolve(["S3_CA_FILE": "/b"]).caFile == Sourced("/b", origin: "S3_CA_FILE"))
        let flagged = try resolve(environment) {
            $0.addressing = Sourced(.path, origin: "--s3-addressing")
            $0.anonymous = Sourced(false, origin: "--s3-anonymous")
            $0.skipTLSVerify = Sourced(false, origin: "--s3-insecure-skip-tls-verify")
            $0.caFile = Sourced("/c", origin: "--s3-ca-file")
            $0.requestPayer = Sourced(true, origin: "--s3-request-payer")
        }
        #expect(flagged.addressing.value == .path)
        #expect(flagged.anonymous.value == false)
        #expect(flagged.verifyTLS == Sourced(true, origin: "--s3-insecure-skip-tls-verify"))
        #expect(flagged.caFile.value == "/c")
        #expect(flagged.requestPayer.value)
    }

    @Test("botocore's cases of configured endpoints give theirs", .enabled(if: SharedData.isPresent, "no test data"))
    func configured() throws {
        let file = try JSON(parsing: try SharedData.bytes("s3-endpoints", "configured-endpoint-profile-tests.json"))
        let suite = try #require(file["testSuites"]?[0])
        var text = ""
        for profile in try #require(suite["profiles"]?.object) {
            text += "[\(profile.key == "default" ? "" : "profile ")\(profile.key)]\n"
            for value in profile.value.object ?? [] { text += "\(value.key) = \(value.value.string ?? "")\n" }
        }
        for services in try #require(suite["services"]?.object) {
            text += "[services \(services.key)]\n"
            for service in services.value.object ?? [] {
                text += "\(service.key) =\n"
                for value in service.value.object ?? [] { text += "    \(value.key) = \(value.value.string ?? "")\n" }
            }
        }
        var count = 0
        for test in try #require(suite["endpointUrlTests"]?.array) where test["service"]?.string == "s3" {
            var environment: [String: String] = [:]
            for variable in suite["environments"]?[test["environment"]?.string ?? ""]?.object ?? [] {
                environment[variable.key] = variable.value.string
            }
            let client = suite["client_configs"]?[test["client_config"]?.string ?? ""]
            if client?["ignore_configured_endpoint_urls"]?.bool == true {
                environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
            }
            var options = S3Options()
            options.endpoint = client?["endpoint_url"]?.string.map { Sourced($0, origin: "client") }
            let profile = try Profile(environment: ["HOME": "/h"], chosen: test["profile"]?.string) { (path) throws(Failure) in
                path == "/h/.aws/config" ? text : nil
            }
            let address = try S3Configuration(options: options, environment: environment, profile: profile).address(bucket: nil)
            let name = Comment(rawValue: test["name"]?.string ?? "?")
            #expect(address.url(path: address.basePath, query: "") == test["output"]?["endpointUrl"]?.string, name)
            count += 1
        }
        #expect(count == 37)
    }
}

extension AccessPoint {
    /// Whether a bucket is no ARN, or one of S3 itself.
    fileprivate static func isOfS3(_ bucket: String) -> Bool {
        !isARN(bucket) || bucket.split(separator: ":").dropFirst(2).first == "s3"
    }
}
