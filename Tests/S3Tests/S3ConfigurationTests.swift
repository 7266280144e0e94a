import PlainJSON
import Servables
import Testing
import Transfer

@testable import S3

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
        #expect(try resolve(["S3_CA_FILE": "/b"], profile: "ca_bundle = /d").caFile == Sourced("/b", origin: "S3_CA_FILE"))
        #expect(try resolve(profile: "ca_bundle = /d").caFile == Sourced("/d", origin: "profile default"))
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
