import Servables
import Testing
import Transfer

@testable import S3

@Suite("Roles of profiles")
struct RoleCredentialsTests {
    static let environment = ["HOME": "/h", "AWS_REGION": "eu-west-1", "PATH": "/usr/bin:/bin"]
    static let base = "[base]\naws_access_key_id=AKIABASE\naws_secret_access_key=base-secret\n"

    private func search(
        _ configuration: String, credentials: String = base, environment: [String: String] = [:], profile: String? = "p",
        transport: any CredentialTransport = roles
    ) -> CredentialSearch {
        CredentialSearch(
            Self.environment.merging(environment) { $1 }, profile: profile,
            files: ["/h/.aws/config": configuration, "/h/.aws/credentials": credentials], transport: transport)
    }

    /// Each role's keys are named after it.
    private static var roles: StubTransport {
        StubTransport { (request, _) throws(TransportError) in
            if request.url.contains("/c") { return HTTPResponse(200, Answers.json(id: "CONTAINER")) }
            if request.url.hasSuffix("/api/token") { return HTTPResponse(200, "session") }
            if request.url.hasSuffix("/security-credentials/") { return HTTPResponse(200, "r") }
            if request.url.hasSuffix("/security-credentials/r") { return HTTPResponse(200, Answers.json(id: "INSTANCE")) }
            let role =
                String(decoding: request.body ?? [], as: UTF8.self).split(separator: "&")
                .first { $0.hasPrefix("RoleArn=") }?.split(separator: "F").last ?? ""
            return HTTPResponse(200, Answers.role("AssumeRole", id: "OF-\(role)"))
        }
    }

    @Test("a role is assumed by a signed request with all that the profile says of it")
    func assume() async throws {
        let expires = Answers.expiration
        try await AnsweringServer.with { _ in
            .reply(200, Answers.role("AssumeRole", id: "ASIAROLE", secret: "role-secret", token: "role/token=", expires: expires))
        } _: { server in
            let http = try HTTPClient(HTTPClientConfiguration(version: "0"))
            let carrier = CredentialHTTP(http, HTTPClientConfiguration(version: "0"), environment: [:])
            let found = try await search(
                """
                [profile p]
                role_arn = arn:aws:iam::123:role/reader
                source_profile = base
                external_id = ext & id
                role_session_name = models@site
                duration_seconds = 1800
                """, credentials: Self.base + "aws_session_token=base-token\n",
                environment: ["AWS_ENDPOINT_URL_STS": server.url + "/sts"], transport: carrier
            ).find()
            await http.shutdown()
            #expect(
                found.credentials
                    == Credentials(
                        accessKeyID: "ASIAROLE", secretAccessKey: "role-secret", sessionToken: "role/token=",
                        expiration: Timestamp(secondsSinceEpoch: 1_800_003_600)))
            let request = try #require(server.requests.first)
            #expect(server.requests.count == 1)
            #expect(request.method == "POST")
            #expect(request.target == "/sts/")
            #expect(
                request.form == [
                    "Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::123:role/reader",
                    "RoleSessionName": "models@site", "ExternalId": "ext & id", "DurationSeconds": "1800",
                ])
            #expect(request["x-amz-security-token"] == "base-token")
            #expect(request["x-amz-date"] == "20270115T080000Z")
            let authorization = try #require(request["authorization"])
            #expect(
                authorization.hasPrefix(
                    "AWS4-HMAC-SHA256 Credential=AKIABASE/20270115/eu-west-1/sts/aws4_request, "
                        + "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="))
        }
    }

    @Test("a request to the token service is signed as botocore signs it")
    func signature() async throws {
        // botocore 1.44: SigV4Auth(Credentials("AKIABASE", "base-secret"), "sts", "eu-west-1") of the same request at the same time.
        let transport = Self.roles
        _ = try await search(
            "[profile p]\nrole_arn=arn:aws:iam::1:role/a\nsource_profile=base\nrole_session_name=n", transport: transport
        ).find()
        let request = try #require(transport.requests.first)
        #expect(request.url == "https://sts.eu-west-1.amazonaws.com/")
        let authorization = request.headers.first { $0.name == "authorization" }?.value
        #expect(authorization?.split(separator: "=").last == "ca147d012e66b734b70131e7f1a6f86f0d945eb65956d06cb74a715586bce15e")
    }

    /// A profile that works, and whose keys it ends with.
    static let working: [(String, String, String)] = [
        (
            "a profile with keys of its own",
            "[profile p]\nrole_arn=x/a\nsource_profile=p\naws_access_key_id=K\naws_secret_access_key=s", "OF-a"
        ),
        (
            "a chain of two roles", "[profile p]\nrole_arn=x/a\nsource_profile=q\n[profile q]\nrole_arn=x/b\nsource_profile=base",
            "OF-a"
        ),
        (
            "a source with both keys and a role: its keys",
            "[profile p]\nrole_arn=x/a\nsource_profile=q\n[profile q]\nrole_arn=x/b\nsource_profile=p\naws_access_key_id=K\naws_secret_access_key=s",
            "OF-a"
        ),
        (
            "a source that is a process",
            "[profile p]\nrole_arn=x/a\nsource_profile=q\n[profile q]\ncredential_process=printf '{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"s\"}'",
            "OF-a"
        ),
        ("the environment's keys", "[profile p]\nrole_arn=x/a\ncredential_source=Environment", "OF-a"),
        ("the container's", "[profile p]\nrole_arn=x/a\ncredential_source=EcsContainer", "OF-a"),
        ("the instance's", "[profile p]\nrole_arn=x/a\ncredential_source=Ec2InstanceMetadata", "OF-a"),
    ]

    @Test("the keys that sign come from", arguments: working)
    func sources(name: String, configuration: String, gives: String) async throws {
        let transport = Self.roles
        let environment = [
            "AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/c",
        ]
        let found = try await search(configuration, environment: environment, transport: transport).find()
        #expect(found.credentials.accessKeyID == gives)
        let signers = ["K", "OF-b", "K", "P", "ENV", "CONTAINER", "INSTANCE"]
        let index = try #require(Self.working.firstIndex { $0.0 == name })
        let authorization = try #require(transport.requests.last?.headers.first { $0.name == "authorization" }?.value)
        #expect(authorization.contains("Credential=\(signers[index])/"))
    }

    /// A profile that cannot work, and what is said of it.
    static let refused: [(String, String)] = [
        ("role_arn=x/a", "needs a source_profile or a credential_source"),
        ("role_arn=x/a\nsource_profile=base\ncredential_source=Environment", "both source_profile and credential_source"),
        ("role_arn=x/a\nsource_profile=none", "no source_profile none in /h/.aws/credentials and /h/.aws/config"),
        ("role_arn=x/a\nsource_profile=p", "in a circle: p → p"),
        (
            "role_arn=x/a\nsource_profile=q\n[profile q]\nrole_arn=x/b\nsource_profile=r\n[profile r]\nrole_arn=x/c\nsource_profile=q",
            "p → q → r → q"
        ),
        ("role_arn=x/a\nsource_profile=q\n[profile q]\nregion=r", "its source_profile q has no credentials"),
        ("role_arn=x/a\ncredential_source=Elsewhere", "credential_source Elsewhere: expected Environment, Ec2InstanceMetadata"),
        ("role_arn=x/a\ncredential_source=Environment", "credential_source Environment: AWS_ACCESS_KEY_ID is not set"),
        ("role_arn=x/a\ncredential_source=EcsContainer", "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor"),
        ("role_arn=x/a\nsource_profile=base\nmfa_serial=m", "mfa_serial needs a person"),
        ("role_arn=x/a\nsource_profile=base\nduration_seconds=long", "duration_seconds is no number"),
    ]

    @Test("a profile that cannot work is refused before anything is sent", arguments: refused)
    func refuses(configuration: String, says: String) async throws {
        let transport = Self.roles
        let failure = try #require(
            await failure { () throws(Failure) in try await search("[profile p]\n" + configuration, transport: transport).find() }
        )
        #expect(failure.kind == .denied)
        #expect(failure.message.contains(says), "\(failure.message)")
        #expect(!failure.isTransient)
        #expect(transport.requests.isEmpty)
    }
}
