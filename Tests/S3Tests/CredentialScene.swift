import FileIO
import Servables
import Transfer

@testable import S3

/// A clock that stands still until it is told otherwise; sleeps are over at once.
final class ManualTime: TimeSource {
    private let state = Box<(now: Timestamp, uptime: Duration, sleeps: [Duration])>(
        (Timestamp(secondsSinceEpoch: 1_800_000_000), .seconds(1_000), []))

    var sleeps: [Duration] { state.value.sleeps }

    func advance(_ duration: Duration) {
        state.change {
            $0.now = $0.now.advanced(by: duration)
            $0.uptime += duration
        }
    }

    func now() -> Timestamp { state.value.now }
    func uptime() -> Duration { state.value.uptime }
    func sleep(for duration: Duration) async throws { state.change { $0.sleeps.append(duration) } }
    func random() -> Double { 0.5 }
}

/// Answers requests for credentials without a network, and keeps them.
final class StubTransport: CredentialTransport {
    typealias Script = @Sendable (HTTPRequest, CredentialRoute) async throws(TransportError) -> HTTPResponse

    private let script: Script
    private let asked = Box<[(request: HTTPRequest, route: CredentialRoute)]>([])

    init(_ script: @escaping Script) { self.script = script }

    /// Where nobody is.
    convenience init() {
        self.init { (request, _) throws(TransportError) in
            let host = request.url.split(separator: "/")[1]
            throw TransportError(.connect(reason: "nobody is there"), host: String(host))
        }
    }

    var requests: [HTTPRequest] { asked.value.map(\.request) }
    var routes: [CredentialRoute] { asked.value.map(\.route) }

    func send(_ request: HTTPRequest, by route: CredentialRoute) async throws(TransportError) -> HTTPResponse {
        asked.change { $0.append((request, route)) }
        return try await script(request, route)
    }
}

extension HTTPResponse {
    init(_ status: Int, _ body: String, headers: [HTTPHeader] = []) {
        self.init(head: ResponseHead(status: status, headers: headers), body: Array(body.utf8))
    }
}

extension CredentialSearch {
    /// A search with what a test gives; where it gives no transport, nobody answers.
    init(
        _ environment: [String: String], profile: String? = nil, files: [String: String] = [:],
        transport: any CredentialTransport = StubTransport(), time: any TimeSource = ManualTime()
    ) {
        self.init(
            environment: environment, chosenProfile: profile, region: "us-east-1",
            read: { (path) throws(Failure) in files[path] }, transport: transport, time: time)
    }
}

extension CredentialChain {
    /// A chain that finds nothing but what is in variables and files.
    convenience init(
        environment: [String: String], profile: String?, read: @escaping @Sendable (String) throws(Failure) -> String?
    ) {
        self.init(
            CredentialSearch(
                environment: environment, chosenProfile: profile, region: "us-east-1", read: read, transport: StubTransport(),
                time: ManualTime()),
            telemetry: NoTelemetry())
    }
}

/// The failure that a search ends with; `nil` where it finds something.
func failure(_ body: () async throws(Failure) -> some Sendable) async -> Failure? {
    do throws(Failure) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// Answers as AWS gives them.
enum Answers {
    static func role(_ action: String, id: String, secret: String = "s", token: String = "t", expires: String = expiration)
        -> String
    {
        """
        <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(action)Result><AssumedRoleUser><Arn>a</Arn>\
        </AssumedRoleUser><Credentials><AccessKeyId>\(id)</AccessKeyId><SecretAccessKey>\(secret)</SecretAccessKey>\
        <SessionToken>\(token)</SessionToken><Expiration>\(expires)</Expiration></Credentials></\(action)Result>\
        <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></\(action)Response>
        """
    }

    static func refusal(_ code: String, _ message: String) -> String {
        """
        <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>\(code)</Code>\
        <Message>\(message)</Message></Error><RequestId>r-1</RequestId></ErrorResponse>
        """
    }

    static func json(
        id: String, secret: String = "s", token: String = "t", expires: String = expiration, tokenName: String = "Token"
    ) -> String {
        #"{"Code":"Success","AccessKeyId":"\#(id)","SecretAccessKey":"\#(secret)","\#(tokenName)":"\#(token)","Expiration":"\#(expires)"}"#
    }

    /// An hour after the start of ``ManualTime``.
    static let expiration = Timestamp(secondsSinceEpoch: 1_800_003_600).description
}
