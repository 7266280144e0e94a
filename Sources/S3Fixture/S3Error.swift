import NIOCore
import NIOHTTP1

/// An answer that is an error, as S3 words it.
struct S3Error: Error, Sendable {
    var status: Int
    var code: String
    var message: String
    /// Further elements of the body, in order.
    var fields: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []

    init(_ status: Int, _ code: String, _ message: String, _ fields: [(name: String, value: String)] = []) {
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
    }

    static let accessDenied = S3Error(403, "AccessDenied", "Access Denied")
    static let preconditionFailed = S3Error(
        412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")

    static func noSuchBucket(_ bucket: String) -> S3Error {
        S3Error(404, "NoSuchBucket", "The specified bucket does not exist", [("BucketName", bucket)])
    }

    static func noSuchKey(_ key: ObjectKey) -> S3Error {
        S3Error(404, "NoSuchKey", "The specified key does not exist.", [("Key", key.text)])
    }

    static func invalidArgument(_ message: String, name: String, value: String) -> S3Error {
        S3Error(400, "InvalidArgument", message, [("ArgumentName", name), ("ArgumentValue", value)])
    }

    func response(requestID: String) -> Response {
        var xml = XMLText(root: "Error")
        xml.element("Code", code)
        xml.element("Message", message)
        for field in fields { xml.element(field.name, field.value) }
        xml.element("RequestId", requestID)
        xml.element("HostId", "s3-fixture")
        var response = Response(status: status)
        response.headers.add(contentsOf: HTTPHeaders(headers.map { ($0.name, $0.value) }))
        response.setBody(xml.finish())
        return response
    }
}
