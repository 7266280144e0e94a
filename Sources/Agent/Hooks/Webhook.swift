import Digests
import FileIO
import PlainJSON
import Servables
import Transfer

/// `--on-change-webhook`: posts the change as JSON; tried again, with back-off, until its time-out.
struct Webhook: ChangeHook {
    /// Signs the body, where there is one.
    let secret: [UInt8]?
    let url: String
    let http: HTTPClient
    let timeout: Duration
    let time: any TimeSource

    private static let backoff = Backoff(base: .milliseconds(500), cap: .seconds(10))

    /// An answer that is no success, or none.
    private struct Refused: Error {
        let reason: String
        let isFinal: Bool
    }

    func run(_ change: BasePathChange) async throws(Failure) -> String? {
        let request = request(change)
        let deadline = time.uptime() + timeout
        var attempts = 0
        while true {
            attempts += 1
            let refused: Refused
            do throws(Refused) {
                try await send(request, within: deadline - time.uptime())
                return nil
            } catch {
                refused = error
            }
            let pause = Self.backoff.wait(after: attempts, random: time.random())
            let isOver = refused.isFinal || time.uptime() + pause >= deadline
            if !isOver, (try? await time.sleep(for: pause)) != nil { continue }
            throw Failure(
                .unavailable,
                "--on-change-webhook \(HookPlan.place(ofWebhook: url)), \(change): \(refused.reason) (\(attempts) \(attempts == 1 ? "try" : "tries")); "
                    + "it is not sent again for this change")
        }
    }

    private func request(_ change: BasePathChange) -> HTTPRequest {
        let json: JSON = [
            "action": .string(change.action.rawValue), "model": .string(change.model),
            "version": .integer(change.version.number), "dir": .string(change.directory),
        ]
        let body = Array(json.text(indented: false).utf8)
        var headers = [HTTPHeader("Content-Type", "application/json")]
        if let secret {
            headers.append(HTTPHeader("X-Aspired-Signature", "sha256=\(Hex.encode(HMAC.sha256(of: body, key: secret)))"))
        }
        return HTTPRequest("POST", url, headers: headers, body: body)
    }

    private func send(_ request: HTTPRequest, within limit: Duration) async throws(Refused) {
        let outcome = await withTaskGroup(of: Result<Int, TransportError>?.self) { group in
            group.addTask { [http] in
                do throws(TransportError) {
                    // What it has to say is its status.
                    return .success(try await http.stream(request) { _ in false }.head.status)
                } catch {
                    return .failure(error)
                }
            }
            group.addTask { [time] in
                try? await time.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        switch outcome {
        case .success(200..<300): return
        case .success(let status):
            throw Refused(reason: "it answered \(status)", isFinal: ![408, 429].contains(status) && status < 500)
        case .failure(let error): throw Refused(reason: "\(error)", isFinal: false)
        case nil: throw Refused(reason: "no answer within --hook-timeout \(timeout.text)", isFinal: true)
        }
    }
}
