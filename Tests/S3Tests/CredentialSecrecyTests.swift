import Servables
import Testing
import Transfer

@testable import S3

@Suite("No secret in any text")
struct CredentialSecrecyTests {
    /// What no output may hold, by what it is.
    enum Secret {
        static let key = "hunter2-secret-access-key/+="
        static let session = "hunter2-session-token/+="
        static let identity = "hunter2.identity.token"
        static let authorization = "hunter2 authorization"
        static let external = "hunter2-external-id"
        static let query = "hunter2-in-the-query"
        static let metadata = "hunter2-metadata-session"
    }

    /// Where an answer has one of these, it holds all that the request held, its beginning or its end first: what is shown is cut.
    static let echoes = ["ECHO", "OHCE"]

    static let answers: [(Int, String)] = {
        [
            (200, Answers.role("AssumeRole", id: "AKIAGOOD", secret: Secret.key, token: Secret.session)),
            (200, Answers.json(id: "AKIAGOOD", secret: Secret.key, token: Secret.session)),
            (200, Answers.json(id: "AKIAGOOD", secret: Secret.key, token: Secret.session, tokenName: "SessionToken")),
            (200, Answers.role("AssumeRole", id: "A B", secret: Secret.key, token: Secret.session)),
            (200, Answers.json(id: "", secret: Secret.key, token: Secret.session)),
            (200, Answers.json(id: "A", secret: Secret.key, token: Secret.session, expires: Secret.session)),
            (200, Secret.key), (200, #"{"\#(Secret.key)":"#), (200, "<a>\(Secret.session)</b>"), (200, "<\(Secret.key)>"),
            (403, Secret.key), (500, Secret.session),
        ]
            + [200, 400, 403, 500].flatMap { status in
                echoes.flatMap {
                    [(status, Answers.refusal("Code", $0)), (status, #"{"Code":"Bad","Message":"\#($0)"}"#)]
                }
            }
    }()

    struct Provider: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var environment: [String: String] = [:]
        var configuration = ""
    }

    static let providers = [
        Provider(
            testDescription: "environment",
            environment: [
                "AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": Secret.key, "AWS_SESSION_TOKEN": Secret.session,
            ]),
        Provider(testDescription: "half of the environment", environment: ["AWS_SECRET_ACCESS_KEY": Secret.key]),
        Provider(
            testDescription: "profile",
            configuration:
                "aws_access_key_id=AKIAFILE\naws_secret_access_key=\(Secret.key)\naws_session_token=\(Secret.session)\n"),
        Provider(testDescription: "half of a profile", configuration: "aws_secret_access_key=\(Secret.key)\n"),
        Provider(testDescription: "a line that is none", configuration: "\(Secret.key.dropLast())\n"),
        Provider(
            testDescription: "role",
            configuration: "role_arn=x/r\nsource_profile=default\nexternal_id=\(Secret.external)\naws_access_key_id=AKIAFILE\n"
                + "aws_secret_access_key=\(Secret.key)\naws_session_token=\(Secret.session)\n"),
        Provider(
            testDescription: "web identity", environment: ["AWS_WEB_IDENTITY_TOKEN_FILE": "/identity", "AWS_ROLE_ARN": "x/r"]),
        Provider(
            testDescription: "token service with a password",
            environment: [
                "AWS_WEB_IDENTITY_TOKEN_FILE": "/identity", "AWS_ROLE_ARN": "x/r",
                "AWS_ENDPOINT_URL_STS": "http://u:\(Secret.query)@h",
            ]),
        Provider(
            testDescription: "container",
            environment: [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/\(Secret.query)?q=\(Secret.query)",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/authorization",
            ]),
        Provider(
            testDescription: "container with a broken token",
            environment: [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": Secret.authorization + "\n",
            ]),
        Provider(
            testDescription: "container with a password",
            environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://u:\(Secret.query)@localhost/"]),
        Provider(testDescription: "instance"),
        Provider(
            testDescription: "process",
            configuration:
                "credential_process=printf '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\(Secret.key)\"}' \(Secret.query)\n"
        ),
        Provider(
            testDescription: "process that fails and complains of what it printed",
            configuration: "credential_process=sh -c 'printf %s \"$1\"; printf %s \"$1\" >&2; exit 1' x "
                + "'{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\(Secret.key)\",\"SessionToken\":\"\(Secret.session)\"}'\n"
        ),
        Provider(
            testDescription: "process that prints something else", configuration: "credential_process=echo \(Secret.key)\n"),
    ]

    @Test("whatever a provider is given and is answered, no message, event or dump holds a secret", arguments: providers)
    func secrecy(provider: Provider) async throws {
        let environment = provider.environment.merging(["HOME": "/h", "PATH": "/usr/bin:/bin"]) { $1 }
        let files = [
            "/h/.aws/config": "[default]\n" + provider.configuration, "/identity": Secret.identity,
            "/authorization": Secret.authorization,
        ]
        for (status, body) in Self.answers {
            let transport = StubTransport { (request, _) throws(TransportError) in
                if request.method == "PUT" { return HTTPResponse(200, Secret.metadata) }
                if request.url.hasSuffix("/security-credentials/") { return HTTPResponse(200, "role") }
                let parts = request.headers.map(\.value) + [request.url, String(decoding: request.body ?? [], as: UTF8.self)]
                let said = [parts, parts.reversed()].map { $0.joined(separator: " ").replacing("&", with: "&amp;") }
                return HTTPResponse(
                    status, zip(Self.echoes, said).reduce(body) { $0.replacing($1.0, with: $1.1) })
            }
            let time = ManualTime()
            let telemetry = TestTelemetry()
            let search = CredentialSearch(environment, files: files, transport: transport, time: time)
            let chain = CredentialChain(search, telemetry: telemetry)
            var outputs = ""
            for _ in 0..<2 {
                do throws(Failure) {
                    let keys = try await chain.credentials()
                    dump(keys, to: &outputs)
                    outputs += "\(String(describing: keys)) \(String(reflecting: keys))"
                    if let keys { _ = await chain.refresh(insteadOf: keys) }
                } catch {
                    dump(error, to: &outputs)
                    outputs += S3Error(.listObjects, S3Resource(bucket: "b"), .credentials(error)).description
                }
                time.advance(.seconds(3300))
            }
            for event in telemetry.events { dump(event, to: &outputs) }
            dump(chain, to: &outputs)
            dump(search, to: &outputs)
            outputs += "\(chain) \(search) \(String(reflecting: chain)) \(String(reflecting: search))"
            if let all = try? ProfileFiles(environment: environment, read: { (path) throws(Failure) in files[path] }) {
                dump(all, to: &outputs)
                dump(all.profile("default"), to: &outputs)
                outputs += "\(all) \(all.profile("default"))"
            }
            #expect(!outputs.contains("hunter2"), "\(status) \(body):\n\(outputs)")
            #expect(outputs.contains("Credential"))
        }
    }

    @Test("what others said is masked before it is cut")
    func quoting() {
        #expect(quoted(" a\nb ", without: ["", "a"]) == "a\\u{a}b")
        #expect(quoted("x=secret/1 and secret%2F1 and secret/12", without: ["secret/1", "secret/12"]) == "x=*** and *** and ***")
        #expect(quoted("12345", limit: 3) == "123…")
        #expect(quoted("0123456789password", without: ["password"], limit: 12) == "0123456789**…")
    }
}
