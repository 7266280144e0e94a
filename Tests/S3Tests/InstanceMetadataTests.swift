import Servables
import Testing
import Transfer

@testable import S3

@Suite("The instance's metadata")
struct InstanceMetadataTests {
    /// An instance whose parts can be replaced, by the end of the path.
    private static func instance(_ other: [String: AnsweringServer.Answer] = [:]) -> AnsweringServer.Script {
        { request in
            for (suffix, answer) in other where request.target.hasSuffix(suffix) { return answer }
            if request.target == "/latest/api/token" { return .reply(200, "session-token") }
            guard request["x-aws-ec2-metadata-token"] == "session-token" else { return .reply(401, "") }
            return request.target.hasSuffix("/node-role")
                ? .reply(200, Answers.json(id: "NODE")) : .reply(200, "node-role\nother")
        }
    }

    private func find(
        _ script: @escaping AnsweringServer.Script, _ variables: [String: String] = [:]
    ) async throws -> (Result<FoundCredentials, Failure>, [AnsweringServer.Request]) {
        try await AnsweringServer.with(script) { server in
            let configuration = HTTPClientConfiguration(version: "0")
            let http = try HTTPClient(configuration)
            let environment = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/"].merging(variables) { $1 }
            let search = CredentialSearch(
                environment, transport: CredentialHTTP(http, configuration, environment: environment))
            let result: Result<FoundCredentials, Failure>
            do throws(Failure) { result = .success(try await search.find()) } catch { result = .failure(error) }
            await http.shutdown()
            return (result, server.requests)
        }
    }

    @Test("a session is opened first, then the role is asked for, then its credentials")
    func sequence() async throws {
        let (result, requests) = try await find(Self.instance())
        #expect(try result.get().credentials.accessKeyID == "NODE")
        #expect(try result.get().origin == "the instance's role")
        let role = "/latest/meta-data/iam/security-credentials/"
        #expect(
            requests.map { "\($0.method) \($0.target)" } == ["PUT /latest/api/token", "GET \(role)", "GET \(role)node-role"])
        #expect(requests.first?["x-aws-ec2-metadata-token-ttl-seconds"] == "21600")
    }

    @Test("nothing is asked where it is turned off")
    func disabled() async throws {
        let (result, requests) = try await find(Self.instance(), ["AWS_EC2_METADATA_DISABLED": "TRUE"])
        #expect(requests.isEmpty)
        guard case .failure(let failure) = result else { return _ = #expect(Bool(false)) }
        #expect(failure.message.contains("the instance's metadata (AWS_EC2_METADATA_DISABLED is set)"), "\(failure.message)")
    }

    @Test(
        "where the service is, and how long it is waited for",
        arguments: [
            ([:], "http://169.254.169.254/latest/api/token", Duration.seconds(1)),
            (["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"], "http://[fd00:ec2::254]/latest/api/token", .seconds(1)),
            (["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://m:1/x"], "http://m:1/x/latest/api/token", .seconds(1)),
            (["AWS_METADATA_SERVICE_TIMEOUT": "2.5"], "http://169.254.169.254/latest/api/token", .milliseconds(2500)),
            (["AWS_METADATA_SERVICE_TIMEOUT": "nan"], "http://169.254.169.254/latest/api/token", .seconds(1)),
        ])
    func endpoint(environment: [String: String], url: String, timeout: Duration) async throws {
        let transport = StubTransport()
        _ = await failure { () throws(Failure) in try await CredentialSearch(environment, transport: transport).find() }
        // Who starts before its metadata does finds it at the second try.
        #expect(transport.requests.map(\.url) == [url, url])
        #expect(transport.routes == [.local(timeout: timeout), .local(timeout: timeout)])
    }

    @Test("an answer that does not come back is told apart from no service, with the advice on hops")
    func hopLimit() async throws {
        let (result, requests) = try await find(
            Self.instance(["/api/token": .silence]), ["AWS_METADATA_SERVICE_TIMEOUT": "0.1"])
        guard case .failure(let failure) = result else { return _ = #expect(Bool(false)) }
        #expect(failure.kind == .denied)
        #expect(failure.message.contains("no answer to the token request came within 100ms"), "\(failure.message)")
        #expect(failure.message.contains("--http-put-response-hop-limit 2"))
        #expect(!failure.isTransient)
        #expect(requests.count == 1)
    }

    /// What is put in place of a part, what is then said, whether it may heal, and how many requests it takes.
    static let faults: [([String: AnsweringServer.Answer], String, Bool, Int)] = [
        (["/api/token": .reply(404, "")], "404: it knows no IMDSv2, and IMDSv1 is not asked", false, 1),
        (["/api/token": .reply(403, "")], "403: the instance's metadata options do not allow it", false, 1),
        (["/api/token": .reply(400, "")], ": 400 to the token request", false, 1),
        (["/api/token": .reply(500, "")], "500 to the token request, after 2 tries", true, 2),
        (["/api/token": .hangUp], "closed the connection without an answer, after 2 tries", true, 2),
        (["/api/token": .reply(200, "a b")], "its session token is not one", true, 2),
        (["/security-credentials/": .reply(404, "")], "the instance has no role", false, 2),
        (["/security-credentials/": .reply(200, "../../user-data")], "the name of its role is none", false, 2),
        (["/security-credentials/": .reply(200, "\n")], "the name of its role is none", false, 2),
        (["/security-credentials/": .reply(200, String(repeating: "r", count: 129))], "the name of its role is none", false, 2),
        (["/security-credentials/": .reply(503, "")], "503 for meta-data/iam/security-credentials/, after 2 tries", true, 3),
        (
            ["/node-role": .reply(200, #"{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume it"}"#)],
            "role node-role: AssumeRoleUnauthorizedAccess: EC2 cannot assume it; see that the role's trust policy", false, 3
        ),
        (["/node-role": .reply(200, "{}")], "it has no AccessKeyId", false, 3),
    ]

    @Test("what is there and gives nothing says why", arguments: faults.indices)
    func fails(index: Int) async throws {
        let (other, says, isTransient, count) = Self.faults[index]
        let (result, requests) = try await find(Self.instance(other))
        guard case .failure(let failure) = result else { return _ = #expect(Bool(false)) }
        #expect(failure.kind == .denied)
        #expect(failure.message.contains(says), "\(failure.message)")
        #expect(failure.isTransient == isTransient)
        #expect(requests.count == count)
    }
}
