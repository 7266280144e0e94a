import Servables
import Testing
import Transfer

@testable import S3

@Suite("Container credentials")
struct ContainerCredentialsTests {
    static let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    static let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"

    private static var agent: StubTransport {
        StubTransport { (_, _) throws(TransportError) in HTTPResponse(200, Answers.json(id: "POD")) }
    }

    @Test("the agent is asked with the token of the file, which is read anew each time and sent as it is")
    func podIdentity() async throws {
        try await AnsweringServer.with { request in
            .reply(200, Answers.json(id: "OF-\(request["authorization"] ?? "nobody")", secret: "x", token: "y"))
        } _: { server in
            let configuration = HTTPClientConfiguration(version: "0")
            let http = try HTTPClient(configuration)
            let files = Box(["/token": "one"])
            let environment = [Self.full: server.url + "/v1/credentials?a=b", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token"]
            let time = ManualTime()
            let chain = CredentialChain(
                environment: environment, profile: nil, region: "r", http: http, transport: configuration, time: time,
                telemetry: NoTelemetry()
            ) { (path) throws(Failure) in files.value[path] }
            let first = try #require(try await chain.credentials())
            let expiration = Timestamp(secondsSinceEpoch: 1_800_003_600)
            #expect(first == Credentials(accessKeyID: "OF-one", secretAccessKey: "x", sessionToken: "y", expiration: expiration))
            files.value["/token"] = "two"
            time.advance(.seconds(61))
            #expect(await chain.refresh(insteadOf: first))
            #expect(try await chain.credentials()?.accessKeyID == "OF-two")
            await http.shutdown()
            #expect(server.requests.map(\.target) == ["/v1/credentials?a=b", "/v1/credentials?a=b"])
            #expect(server.requests.first?["accept"] == "application/json")
        }
    }

    @Test(
        "addresses that are taken, and where they lead",
        arguments: [
            ([relative: "/v2/credentials/id"], "http://169.254.170.2/v2/credentials/id"),
            ([relative: "/a", full: "https://elsewhere/b"], "http://169.254.170.2/a"),
            ([full: "https://anything.example:8443/c?d=e"], "https://anything.example:8443/c?d=e"),
            ([full: "http://169.254.170.2/c"], "http://169.254.170.2/c"),
            ([full: "http://169.254.170.23/v1/credentials"], "http://169.254.170.23/v1/credentials"),
            ([full: "http://[fd00:ec2::23]/v1/credentials"], "http://[fd00:ec2::23]/v1/credentials"),
            ([full: "http://[fd00:0ec2:0:0:0:0:0:23]/c"], "http://[fd00:0ec2:0:0:0:0:0:23]/c"),
            ([full: "http://127.0.0.1:51679/c"], "http://127.0.0.1:51679/c"),
            ([full: "http://127.1.2.3/c"], "http://127.1.2.3/c"),
            ([full: "http://[::1]:80/c"], "http://[::1]:80/c"),
            ([full: "http://localhost?c=d"], "http://localhost?c=d"),
        ])
    func taken(environment: [String: String], url: String) async throws {
        let transport = Self.agent
        #expect(try await CredentialSearch(environment, transport: transport).find().credentials.accessKeyID == "POD")
        #expect(transport.requests.map(\.url) == [url])
        #expect(transport.routes == [.local(timeout: .seconds(2))])
    }

    @Test(
        "addresses that could lead the token elsewhere are refused",
        arguments: [
            ([full: "http://example.com/c"], "example.com is not taken by http"),
            ([full: "http://169.254.169.254/c"], "169.254.169.254 is not taken by http"),
            ([full: "http://169.254.170.23.example.com/c"], "is not taken by http"),
            ([full: "http://localhost.example.com/c"], "localhost.example.com is not taken by http"),
            ([full: "http://[fd00:ec2::254]/c"], "is not taken by http"),
            ([full: "http://127.0.0.1@example.com/c"], "credentials do not belong into the endpoint"),
            ([full: "http://example.com?127.0.0.1/"], "is not taken by http"),
            ([full: "http://localhost/#c"], "must be percent-encoded"),
            ([full: "file:///c"], "expected a URL"),
            ([relative: "@example.com/c"], "expected a path that begins with /"),
            ([relative: "/a b"], "percent-encoded"),
        ])
    func refused(environment: [String: String], says: String) async throws {
        let transport = Self.agent
        let failure = try #require(
            await failure { () throws(Failure) in try await CredentialSearch(environment, transport: transport).find() })
        #expect(failure.kind == .denied)
        #expect(failure.message.contains(says), "\(failure.message)")
        #expect(transport.requests.isEmpty)
    }

    @Test(
        "the token: of the file before that of the variable, and none that would end the header",
        arguments: [
            (["AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic abc"], "Basic abc", ""),
            (["AWS_CONTAINER_AUTHORIZATION_TOKEN": "a", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/good"], "good", ""),
            (["AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\r\nX-Other: b"], nil, "AWS_CONTAINER_AUTHORIZATION_TOKEN: the token is"),
            (["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/line"], nil, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: the token is"),
            (
                ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/empty"], nil,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: the token is empty"
            ),
            (["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/none"], nil, "there is no file /none"),
        ] as [([String: String], String?, String)])
    func tokens(environment: [String: String], sent: String?, says: String) async throws {
        let transport = Self.agent
        let search = CredentialSearch(
            environment.merging([Self.relative: "/c"]) { $1 }, files: ["/good": "good", "/line": "token\n", "/empty": ""],
            transport: transport)
        let failure = await failure { () throws(Failure) in try await search.find() }
        #expect(failure?.message.contains(says) ?? (sent != nil), "\(failure?.message ?? "")")
        #expect(transport.requests.first?.headers.first { $0.name == "Authorization" }?.value == sent)
        #expect(transport.requests.count == (sent == nil ? 0 : 1))
    }

    @Test(
        "an answer that gives no credentials is told with the host and what to do",
        arguments: [
            (400, "", "from 169.254.170.2: 400; does it want an authorization token?", false, 1),
            (403, #"{"code":"AccessDenied","message":"no association"}"#, "403 AccessDenied: no association; ", false, 1),
            (500, #"{"message":"later"}"#, "from 169.254.170.2: 500 later, after 3 tries", true, 3),
            (200, "<html>", "the answer cannot be used: it is no JSON", false, 1),
            (200, #"{"AccessKeyId":"k","SecretAccessKey":1}"#, "SecretAccessKey is no string", false, 1),
            (200, #"{"AccessKeyId":"k"}"#, "it has no SecretAccessKey", false, 1),
            (200, Answers.json(id: "k", expires: "tomorrow"), "Expiration is no time", false, 1),
            (200, Answers.json(id: "k", token: #"a\r\nb"#), "the session token holds characters", false, 1),
        ])
    func refusals(status: Int, body: String, says: String, isTransient: Bool, count: Int) async throws {
        let transport = StubTransport { (_, _) throws(TransportError) in HTTPResponse(status, body) }
        let failure = try #require(
            await failure { () throws(Failure) in try await CredentialSearch([Self.relative: "/c"], transport: transport).find() }
        )
        #expect(failure.kind == .denied)
        #expect(failure.message.contains(says), "\(failure.message)")
        #expect(failure.isTransient == isTransient)
        #expect(transport.requests.count == count)
    }

    @Test(
        "an expiration may be in any time zone",
        arguments: [
            ("2027-01-15T09:00:00Z", 1_800_003_600), ("2027-01-15T09:00:00+00:00", 1_800_003_600),
            ("2027-01-15T11:30:00.5+02:30", 1_800_003_600), ("2027-01-15T01:00:00-08:00", 1_800_003_600), ("2027-01-15", nil),
            ("2027-01-15T09:00:00+0000", nil), ("2027-01-15T09:00:00+25:00", nil),
        ] as [(String, Int64?)])
    func expirations(text: String, seconds: Int64?) {
        #expect(Timestamp(rfc3339: text)?.secondsSinceEpoch == seconds)
    }
}
