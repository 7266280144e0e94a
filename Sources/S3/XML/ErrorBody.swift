/// The body of a refusal: `<Error><Code>…</Code><Message>…</Message>…</Error>`. What is no such document says nothing.
struct ErrorBody {
    /// Of a refusal's body so much is read.
    static let maximumBytes = 64 << 10

    private(set) var code: String?
    private(set) var message: String?
    private(set) var region: String?
    /// The host that a redirect names.
    private(set) var endpoint: String?
    private(set) var requestID: String?

    /// Takes what can be understood: a proxy's HTML, a cut or a hostile document give an empty or partial one.
    init(parsing body: [UInt8]) {
        let handler = Handler()
        guard let scanner = XMLScanner(handler, limits: XMLLimits(documentBytes: ErrorBody.maximumBytes)) else { return }
        _ = body.withUnsafeBytes { scanner.take($0) }
        code = handler.fields["Code"]
        message = handler.fields["Message"]
        region = handler.fields["Region"]
        endpoint = handler.fields["Endpoint"]
        requestID = handler.fields["RequestId"]
    }

    private final class Handler: XMLHandler {
        var fields: [String: String] = [:]

        func started(_ path: [String]) {}

        func ended(_ path: [String], text: String) throws(XMLFault) {
            // S3's root element is Error itself; other services put it into an ErrorResponse.
            guard path.count >= 2, path[path.count - 2] == "Error", !text.isEmpty else { return }
            fields[path[path.count - 1]] = text
        }
    }
}
