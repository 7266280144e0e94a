import Servables
import Testing
import Transfer

@testable import S3

@Suite("The order of credentials")
struct CredentialOrderTests {
    /// One place to find credentials in: what has to be set for it, and whose keys it then gives.
    struct Place: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let gives: String
        var environment: [String: String] = [:]
        var credentials = ""
        var configuration = ""
    }

    /// In botocore's order (credentials.py, `create_credential_resolver` and `ProfileProviderBuilder.providers`).
    static let places = [
        Place(
            testDescription: "environment", gives: "ENV",
            environment: ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"]),
        Place(
            testDescription: "role of the profile", gives: "ROLE",
            credentials: "[base]\naws_access_key_id=B\naws_secret_access_key=s\n",
            configuration: "role_arn=arn:aws:iam::1:role/r\nsource_profile=base\n"),
        Place(
            testDescription: "web identity", gives: "WEB",
            environment: ["AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/w"]),
        Place(
            testDescription: "shared credentials file", gives: "SHARED",
            credentials: "[default]\naws_access_key_id=SHARED\naws_secret_access_key=s\n"),
        Place(
            testDescription: "credential_process", gives: "PROCESS",
            configuration: #"credential_process=printf '{"Version":1,"AccessKeyId":"PROCESS","SecretAccessKey":"s"}'"# + "\n"),
        Place(
            testDescription: "configuration file", gives: "CONFIG",
            configuration: "aws_access_key_id=CONFIG\naws_secret_access_key=s\n"),
        Place(
            testDescription: "container", gives: "CONTAINER",
            environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/c"]),
        Place(testDescription: "instance", gives: "INSTANCE"),
    ]

    private static let transport = StubTransport { (request, _) throws(TransportError) in
        let body = String(decoding: request.body ?? [], as: UTF8.self)
        return switch request.url {
        case let url where url.contains("/api/token"): HTTPResponse(200, "session")
        case let url where url.hasSuffix("/security-credentials/"): HTTPResponse(200, "role")
        case let url where url.contains("/security-credentials/role"): HTTPResponse(200, Answers.json(id: "INSTANCE"))
        case let url where url.contains("127.0.0.1"): HTTPResponse(200, Answers.json(id: "CONTAINER"))
        case _ where body.contains("Action=AssumeRoleWithWebIdentity&"):
            HTTPResponse(200, Answers.role("AssumeRoleWithWebIdentity", id: "WEB"))
        default: HTTPResponse(200, Answers.role("AssumeRole", id: "ROLE"))
        }
    }

    private func search(_ places: some Sequence<Place>, profile: String? = nil) -> CredentialSearch {
        var environment = ["HOME": "/h", "PATH": "/usr/bin:/bin"]
        for place in places { environment.merge(place.environment) { $1 } }
        let files = [
            "/h/.aws/credentials": places.map(\.credentials).joined(),
            "/h/.aws/config": "[default]\n" + places.map(\.configuration).joined(), "/token": "jwt",
        ]
        return CredentialSearch(environment, profile: profile, files: files, transport: Self.transport)
    }

    @Test("the first of all the places that are set up is taken", arguments: places.indices)
    func order(first: Int) async throws {
        let found = try await search(Self.places[first...]).find()
        #expect(found.credentials.accessKeyID == Self.places[first].gives)
    }

    @Test("a profile chosen by a flag shuts out the keys and the web identity of the environment, and no more")
    func chosen() async throws {
        for (set, gives) in [([0, 2, 3], "SHARED"), ([0, 2, 6], "CONTAINER"), ([0, 2, 7], "INSTANCE")] {
            let found = try await search(set.map { Self.places[$0] }, profile: "default").find()
            #expect(found.credentials.accessKeyID == gives)
        }
    }

    @Test("what is set up and fails ends the search: nobody else's credentials are taken in its place", arguments: 0..<7)
    func failing(place: Int) async throws {
        var broken = Self.places[place]
        for name in ["AWS_SECRET_ACCESS_KEY", "AWS_ROLE_ARN"] { broken.environment[name] = nil }
        for name in broken.environment.keys where name.hasSuffix("_URI") { broken.environment[name] = "http://elsewhere/c" }
        broken.credentials = broken.credentials.replacing("aws_secret_access_key=s", with: "")
        broken.configuration = broken.configuration.replacing("aws_secret_access_key=s", with: "")
            .replacing("printf", with: "/nonexistent/printf")
        let failure = try #require(
            await failure { () throws(Failure) in try await search([broken] + Self.places[(place + 1)...]).find() })
        #expect(failure.kind == .denied)
    }
}
