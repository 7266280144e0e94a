import Servables
import Testing
import Transfer

@testable import S3

@Suite("AWS's token service")
struct TokenServiceTests {
    static let identity = ["AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod", "HOME": "/h"]

    @Test("a web identity is sent unsigned, and its token is read anew at each look")
    func webIdentity() async throws {
        try await AnsweringServer.with { request in
            .reply(200, Answers.role("AssumeRoleWithWebIdentity", id: "OF-\(request.form["WebIdentityToken"] ?? "")"))
        } _: { server in
            let configuration = HTTPClientConfiguration(version: "0")
            let http = try HTTPClient(configuration)
            let files = Box(["/token": "jwt.one\n"])
            let time = ManualTime()
            let chain = CredentialChain(
                environment: Self.identity.merging(["AWS_ENDPOINT_URL_STS": server.url]) { $1 }, profile: nil, region: "r",
                http: http,
                transport: configuration, time: time, telemetry: NoTelemetry()
            ) { (path) throws(Failure) in files.value[path] }
            let first = try #require(try await chain.credentials())
            #expect(first.accessKeyID == "OF-jwt.one")
            files.value["/token"] = "jwt.two"
            #expect(try await chain.credentials() == first)
            time.advance(.seconds(61))
            #expect(await chain.refresh(insteadOf: first))
            #expect(try await chain.credentials()?.accessKeyID == "OF-jwt.two")
            await http.shutdown()
            let request = try #require(server.requests.first)
            #expect(request["authorization"] == nil)
            #expect(request["content-type"] == "application/x-www-form-urlencoded; charset=utf-8")
            #expect(
                request.form == [
                    "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/pod",
                    "RoleSessionName": "aspired-1800000000", "WebIdentityToken": "jwt.one",
                ])
        }
    }

    @Test("each value of a web identity comes from the environment first, and else from the profile")
    func profile() async throws {
        let files = [
            "/h/.aws/config":
                "[profile p]\nweb_identity_token_file=/other\nrole_arn=arn:aws:iam::1:role/profile\nrole_session_name=mine",
            "/token": "one", "/other": "two",
        ]
        let cases: [([String: String], String?, String)] = [
            (["AWS_PROFILE": "p", "HOME": "/h"], nil, "RoleArn=profile&RoleSessionName=mine&WebIdentityToken=two"),
            (Self.identity, "p", "RoleArn=profile&RoleSessionName=mine&WebIdentityToken=two"),
            (
                Self.identity.merging(["AWS_PROFILE": "p", "AWS_ROLE_SESSION_NAME": "theirs"]) { $1 }, nil,
                "RoleArn=pod&RoleSessionName=theirs&WebIdentityToken=one"
            ),
        ]
        for (environment, chosen, sent) in cases {
            let transport = StubTransport { (_, _) throws(TransportError) in HTTPResponse(200, Answers.role("A", id: "K")) }
            _ = try await CredentialSearch(environment, profile: chosen, files: files, transport: transport).find()
            let body = String(decoding: try #require(transport.requests.first?.body), as: UTF8.self)
            #expect(body.replacing("arn%3Aaws%3Aiam%3A%3A1%3Arole%2F", with: "").hasSuffix(sent), "\(body)")
        }
    }

    @Test(
        "a web identity that is not whole says what is missing",
        arguments: [
            (["AWS_WEB_IDENTITY_TOKEN_FILE": "/token"], "set AWS_ROLE_ARN"),
            (["AWS_WEB_IDENTITY_TOKEN_FILE": "/none", "AWS_ROLE_ARN": "r"], "there is no token file /none"),
            (["AWS_WEB_IDENTITY_TOKEN_FILE": "/empty", "AWS_ROLE_ARN": "r"], "the token file /empty is empty"),
            (
                ["AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "r", "AWS_ENDPOINT_URL_STS": "sts"],
                "AWS_ENDPOINT_URL_STS: "
            ),
            (["AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "r", "AWS_REGION": "a/b"], "correct the region"),
        ])
    func incomplete(environment: [String: String], says: String) async throws {
        let search = CredentialSearch(environment, files: ["/token": "jwt", "/empty": "\n"])
        let failure = try #require(await failure { () throws(Failure) in try await search.find() })
        #expect(failure.kind == .denied)
        #expect(failure.message.contains(says), "\(failure.message)")
    }

    static let services = "[default]\nservices=s\nregion=ap-south-1\n[services s]\nsts =\n  endpoint_url = http://profile-sts\n"

    @Test(
        "the token service is the region's own, of its partition, or the one that is configured",
        arguments: [
            (["AWS_REGION": "eu-west-1"], "", "https://sts.eu-west-1.amazonaws.com/", true),
            (["AWS_DEFAULT_REGION": "eu-west-2"], "", "https://sts.eu-west-2.amazonaws.com/", true),
            (["AWS_REGION": "cn-north-1"], "", "https://sts.cn-north-1.amazonaws.com.cn/", true),
            (["AWS_REGION": "us-gov-west-1"], "", "https://sts.us-gov-west-1.amazonaws.com/", true),
            (["AWS_REGION": "us-iso-east-1"], "", "https://sts.us-iso-east-1.c2s.ic.gov/", true),
            (
                ["AWS_REGION": "eu-west-1", "AWS_USE_FIPS_ENDPOINT": "true"], "", "https://sts-fips.eu-west-1.amazonaws.com/",
                true
            ),
            ([:], "[default]\nregion=eu-west-1\nuse_dualstack_endpoint=true", "https://sts.eu-west-1.api.aws/", true),
            (
                ["AWS_REGION": "us-gov-west-1", "AWS_USE_FIPS_ENDPOINT": "1"], "", "https://sts.us-gov-west-1.amazonaws.com/",
                true
            ),
            (
                [
                    "AWS_REGION": "us-gov-west-1", "AWS_USE_FIPS_ENDPOINT": "1", "AWS_USE_DUALSTACK_ENDPOINT": "1",
                    "AWS_ENDPOINT_URL_S3": "http://elsewhere",
                ], "", "https://sts-fips.us-gov-west-1.api.aws/", true
            ),
            (["AWS_REGION": "aws-global"], "", "https://sts.us-east-1.amazonaws.com/", true),
            ([:], "[default]\nregion=ap-south-1", "https://sts.ap-south-1.amazonaws.com/", true),
            ([:], "", "https://sts.us-east-1.amazonaws.com/", true),
            (["AWS_ENDPOINT_URL_STS": "http://sts:1/base/", "AWS_ENDPOINT_URL": "http://all"], "", "http://sts:1/base/", false),
            (["AWS_ENDPOINT_URL": "https://minio:9000"], services, "https://minio:9000/", false),
            ([:], services, "http://profile-sts/", false),
            (
                ["AWS_ENDPOINT_URL_STS": "http://sts", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"], services,
                "https://sts.ap-south-1.amazonaws.com/", true
            ),
        ] as [([String: String], String, String, Bool)])
    func endpoints(environment: [String: String], configuration: String, url: String, isAWS: Bool) async throws {
        let transport = StubTransport { (_, _) throws(TransportError) in HTTPResponse(200, Answers.role("A", id: "K")) }
        _ = try await CredentialSearch(
            Self.identity.merging(environment) { $1 }, files: ["/token": "jwt", "/h/.aws/config": configuration],
            transport: transport
        ).find()
        #expect(transport.requests.map(\.url) == [url])
        #expect(transport.routes == [isAWS ? .tokenService : .configuredTokenService])
    }

    @Test("what was set for the S3 endpoint's TLS is not for AWS's own token service, and no proxy carries what is local")
    func trust() throws {
        var s3 = HTTPClientConfiguration(version: "0")
        s3.clientCertificate = ClientCertificate(certificate: "/mine.pem", key: "/mine.key")
        s3.proxies = try ProxySettings(environment: ["HTTPS_PROXY": "http://proxy:1", "http_proxy": "http://proxy:1"])
        s3.insecureSkipVerify = true
        s3.caFile = "/private.pem"
        let http = try HTTPClient(HTTPClientConfiguration(version: "0"))
        let plain = CredentialHTTP(http, s3, environment: [:])
        #expect(plain.configuration(for: .configuredTokenService) == s3)
        for route in [CredentialRoute.tokenService, .local(timeout: .seconds(1))] {
            #expect(plain.configuration(for: route).insecureSkipVerify == false)
            #expect(plain.configuration(for: route).clientCertificate == nil)
            #expect(plain.configuration(for: route).caFile == HTTPClientConfiguration.systemCAFile)
        }
        let bundled = CredentialHTTP(http, s3, environment: ["AWS_CA_BUNDLE": "/bundle.pem"])
        #expect(bundled.configuration(for: .tokenService).caFile == "/bundle.pem")
        let local = plain.configuration(for: .local(timeout: .seconds(1)))
        #expect(local.connectTimeout == .seconds(1))
        #expect(local.responseHeaderTimeout == .seconds(1))
        #expect(local.proxies == .none)
        #expect(plain.configuration(for: .tokenService).proxies == s3.proxies)
    }

    /// An answer, and what comes of it: the message, whether it may heal, how many are asked for.
    static let answers: [(Int, String, String, Bool, Int)] = [
        (
            403, Answers.refusal("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
            "AssumeRoleWithWebIdentity arn:aws:iam::1:role/pod at sts.eu-west-1.amazonaws.com: 403 AccessDenied: Not authorized to perform "
                + "sts:AssumeRoleWithWebIdentity (request id r-1); see that the role's trust policy names", false, 1
        ),
        (400, Answers.refusal("ExpiredTokenException", "Token expired"), "400 ExpiredTokenException: Token expired", false, 1),
        (500, "oops", "sts.eu-west-1.amazonaws.com: 500 (request id r-1), after 3 tries", true, 3),
        (400, Answers.refusal("IDPCommunicationError", "x"), "IDPCommunicationError: x (request id r-1), after 3 tries", true, 3),
        (
            400, Answers.refusal("Throttling", "Rate exceeded"), "400 Throttling: Rate exceeded (request id r-1), after 3 tries",
            true, 3
        ),
        (200, "<a><b>", "the answer cannot be used: ", false, 1),
        (200, "<!DOCTYPE a><a/>", "it declares a document type", false, 1),
        (200, Answers.role("A", id: "K", token: ""), "it has no complete Credentials", false, 1),
        (
            200, Answers.role("A", id: "K").replacing("Credentials>", with: "Others>"), "it has no complete Credentials", false, 1
        ),
        (200, Answers.role("A", id: "K", secret: " \n"), "it has no complete Credentials", false, 1),
        (200, Answers.role("A", id: "K", expires: "soon"), "its credentials have no Expiration", false, 1),
        (200, Answers.role("A", id: "K K"), "the access key id holds characters", false, 1),
    ]

    @Test("an answer that gives no credentials is told with role, host and remedy", arguments: answers.indices)
    func refusals(index: Int) async throws {
        let (status, body, says, isTransient, count) = Self.answers[index]
        let transport = StubTransport { (_, _) throws(TransportError) in
            HTTPResponse(status, body, headers: [HTTPHeader("x-amzn-RequestId", "r-1")])
        }
        let search = CredentialSearch(
            Self.identity.merging(["AWS_REGION": "eu-west-1"]) { $1 }, files: ["/token": "jwt"], transport: transport)
        let failure = try #require(await failure { () throws(Failure) in try await search.find() })
        #expect(failure.kind == .denied)
        #expect(failure.message.contains(says), "\(failure.message)")
        #expect(failure.isTransient == isTransient)
        #expect(transport.requests.count == count)
    }

    @Test("a hiccup is tried over, and a wrong clock is put right by the refusal's date")
    func recovers() async throws {
        let asked = Box(0)
        let time = ManualTime()
        let transport = StubTransport { (_, _) throws(TransportError) in
            asked.change { $0 += 1 }
            switch asked.value {
            case 1: throw TransportError(.reset(reason: "x"), host: "h")
            case 2:
                // An hour ahead of us.
                return HTTPResponse(
                    403, Answers.refusal("SignatureDoesNotMatch", "Signature not yet current"),
                    headers: [HTTPHeader("Date", "Fri, 15 Jan 2027 09:00:00 GMT")])
            default: return HTTPResponse(200, Answers.role("AssumeRole", id: "K"))
            }
        }
        let files = ["/h/.aws/config": "[default]\nrole_arn=x/a\ncredential_source=Environment"]
        let environment = ["HOME": "/h", "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "s"]
        let search = CredentialSearch(environment, profile: "default", files: files, transport: transport, time: time)
        #expect(try await search.find().credentials.accessKeyID == "K")
        let dates = transport.requests.map { $0.headers.first { $0.name == "x-amz-date" }?.value }
        #expect(dates == ["20270115T080000Z", "20270115T080000Z", "20270115T090000Z"])
        #expect(time.sleeps.count == 2)
    }
}
