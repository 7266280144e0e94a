public import Servables
import Transfer

/// What a store answered in place of what was asked for.
public struct Refusal: Hashable, Sendable {
    public let status: Int
    /// S3's word for it; `nil` for an answer without body (HEAD) or one that is not S3's.
    public let code: String?
    public let message: String?
    /// What AWS's support asks for.
    public let requestID: String?
    /// Where the bucket is, as far as the answer says.
    public let region: String?
    /// Where it sends us, as far as that is a URL without path; by itself no reason to go there.
    public let location: EndpointURL?
    /// The store's clock.
    public let date: Timestamp?
    /// How long the store asks to be left alone.
    public let retryAfter: Duration?

    public init(
        status: Int, code: String? = nil, message: String? = nil, requestID: String? = nil, region: String? = nil,
        location: EndpointURL? = nil, date: Timestamp? = nil, retryAfter: Duration? = nil
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.requestID = requestID
        self.region = region
        self.location = location
        self.date = date
        self.retryAfter = retryAfter
    }

    init(_ response: HTTPResponse) {
        let body = ErrorBody(parsing: response.body)
        self.init(
            status: response.head.status, code: body.code, message: body.message,
            requestID: body.requestID ?? response.head["x-amz-request-id"],
            region: response.head["x-amz-bucket-region"].flatMap { $0.isEmpty ? nil : $0 } ?? body.region,
            location: response.head["location"].flatMap { EndpointURL(origin: $0) }
                ?? body.endpoint.flatMap { EndpointURL(origin: "https://\($0)") },
            date: response.head["date"].flatMap { Timestamp(httpDate: $0) }, retryAfter: Refusal.retryAfter(response.head))
    }

    /// `x-amz-retry-after` is in milliseconds (botocore, `retries/standard.py`), `Retry-After` in seconds (RFC 9110, 10.2.3; its other
    /// form, a date, no store was seen to send).
    private static func retryAfter(_ head: ResponseHead) -> Duration? {
        if let text = head["x-amz-retry-after"], let milliseconds = UInt32(text) { return .milliseconds(milliseconds) }
        if let text = head["retry-after"], let seconds = UInt32(text) { return .seconds(seconds) }
        return nil
    }

    /// The same, should it repeat what it was sent, without that.
    func without(_ secrets: [String]) -> Refusal {
        func masked(_ text: String?) -> String? { text.map { S3.masked($0, without: secrets) } }
        return Refusal(
            status: status, code: masked(code), message: masked(message), requestID: masked(requestID), region: region,
            location: location, date: date, retryAfter: retryAfter)
    }

    /// `403 AccessDenied: Access Denied (request id 4442587FB7D0A2F9)`.
    var text: String {
        var text = code.map { "\(status) \(oneLine($0, limit: 80))" } ?? "\(status)"
        if let message { text += ": \(oneLine(message.hasSuffix(".") ? String(message.dropLast()) : message, limit: 200))" }
        if let requestID { text += " (request id \(oneLine(requestID, limit: 80)))" }
        return text
    }
}
