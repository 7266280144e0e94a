import NIOHTTP1

/// A whole answer.
struct HTTPAnswer: Sendable {
    var status: HTTPResponseStatus
    var contentType = plainText
    var allow: String?
    var body: String

    static let plainText = "text/plain; charset=utf-8"

    /// An error, told in the words of RFC 9110.
    static func error(_ status: HTTPResponseStatus, _ reason: String) -> HTTPAnswer {
        HTTPAnswer(status: status, body: reason + "\n")
    }

    /// 200 and `ok`, or 503 and the reasons, one a line.
    static func check(_ reasons: [String]) -> HTTPAnswer {
        reasons.isEmpty
            ? HTTPAnswer(status: .ok, body: "ok\n")
            : HTTPAnswer(status: .serviceUnavailable, body: reasons.map { PlainText.escaped($0) + "\n" }.joined())
    }
}

/// What there is to ask for (CONTRACT section 6).
enum Route: String, CaseIterable, Sendable {
    case index = "/"
    case health = "/healthz"
    case readiness = "/readyz"
    case metrics = "/metrics"
    case status = "/status"

    static let allowedMethods: [HTTPMethod] = [.GET, .HEAD]

    /// The route of a request, or the answer to one that has none.
    static func find(_ method: HTTPMethod, _ target: String) -> Result<Route, Refusal> {
        let path = target.prefix { $0 != "?" }
        guard let route = Route(rawValue: String(path)) else {
            return .failure(Refusal(answer: .error(.notFound, "not found; see / for what there is")))
        }
        guard allowedMethods.contains(method) else {
            var answer = HTTPAnswer.error(.methodNotAllowed, "only GET and HEAD are allowed here")
            answer.allow = allowedMethods.map(\.rawValue).joined(separator: ", ")
            return .failure(Refusal(answer: answer))
        }
        return .success(route)
    }

    struct Refusal: Error {
        var answer: HTTPAnswer
    }

    func answer(by handlers: MonitoringHandlers) async -> HTTPAnswer {
        switch self {
        case .index: HTTPAnswer(status: .ok, contentType: "text/html; charset=utf-8", body: Self.indexPage)
        case .health: .check(await handlers.health())
        case .readiness: .check(await handlers.readiness())
        case .metrics: HTTPAnswer(status: .ok, contentType: Exposition.contentType, body: await handlers.metrics())
        case .status:
            HTTPAnswer(status: .ok, contentType: "application/json", body: StatusReport.json(await handlers.status()))
        }
    }

    private static let indexPage =
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>aspired</title>\n<h1>aspired</h1>\n<ul>\n"
        + allCases.filter { $0 != .index }.map { "<li><a href=\"\($0.rawValue)\">\($0.rawValue)</a>\n" }.joined()
        + "</ul>\n</html>\n"
}
