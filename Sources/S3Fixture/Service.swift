import NIOCore
import NIOHTTP1

/// What S3 does: turns a request into its answer. Blocks on files, so it runs on a thread that may.
final class Service: Sendable {
    let store: ObjectStore
    let script = FaultScript()
    let log = RequestLog()
    let uploads = Lock<[String: MultipartUpload]>([:])
    private let current: Lock<FixtureOptions>
    private let answered = Lock(0)

    init(root: String?, options: FixtureOptions) {
        store = ObjectStore(root: root, kinds: options.checksums, parts: options.parts)
        current = Lock(options)
    }

    var options: FixtureOptions { current.withLock { $0 } }

    func change(_ body: (inout FixtureOptions) -> Void) { current.withLock { body(&$0) } }

    var now: UnixTime { .now(offset: options.clockOffset) }

    /// The whole answer, headers common to all of them included.
    func answer(_ request: S3Request, _ effects: Effects) -> Response {
        let id = nextRequestID()
        let options = self.options
        if let data = effects.replacement {
            store.putInMemory(
                request.bucket, request.key, store.objectInMemory(ByteBuffer(bytes: data), lastModified: now))
        }
        var response: Response
        do throws(S3Error) {
            if let fault = effects.status {
                response = scripted(fault, requestID: id)
            } else {
                try SignatureCheck(options: options, now: now).verify(request)
                response = try respond(to: request, effects, options)
            }
        } catch {
            response = error.response(requestID: id)
        }
        if effects.truncatesListing, request.operation == .list { response.range = 0..<(response.range.count / 2) }
        finish(&response, request, requestID: id, options)
        for header in effects.headers { response.headers.replaceOrAdd(name: header.name, value: header.value) }
        return response
    }

    /// The answer to a request that could not be taken apart.
    func answerToUnreadable() -> Response {
        let id = nextRequestID()
        var response = S3Error(400, "InvalidURI", "Couldn't parse the specified URI.").response(requestID: id)
        finish(&response, nil, requestID: id, options)
        return response
    }

    private func respond(to request: S3Request, _ effects: Effects, _ options: FixtureOptions) throws(S3Error) -> Response {
        guard request.operation != .other else { throw unknownOperation(request) }
        if request.operation == .createBucket {
            store.createBucket(request.bucket)
            return Response(status: 200)
        }
        guard store.hasBucket(request.bucket) else { throw .noSuchBucket(request.bucket) }
        switch request.operation {
        case .list: return try list(request, repeatsToken: effects.repeatsToken, options)
        case .headBucket: return Response(status: 200)
        case .location: return location(options)
        case .get, .head: return try get(request, ignoresRange: effects.ignoresRange, options)
        case .put: return try put(request)
        case .delete:
            store.remove(request.bucket, request.key)
            return Response(status: 204)
        case .createUpload: return createUpload(request)
        case .uploadPart: return try uploadPart(request)
        case .completeUpload: return try completeUpload(request)
        case .abortUpload: return try abortUpload(request)
        case .createBucket, .other: throw unknownOperation(request)
        }
    }

    private func unknownOperation(_ request: S3Request) -> S3Error {
        if ["GET", "HEAD", "PUT", "POST", "DELETE"].contains(request.method) {
            return S3Error(501, "NotImplemented", "s3-fixture does not know this operation.")
        }
        return S3Error(
            405, "MethodNotAllowed", "The specified method is not allowed against this resource.", [("Method", request.method)])
    }

    private func location(_ options: FixtureOptions) -> Response {
        var xml = XMLText(root: "LocationConstraint", namespace: XMLText.s3Namespace)
        // us-east-1 is written as nothing.
        xml.text(options.region == "us-east-1" ? "" : options.region)
        var response = Response(status: 200)
        response.setBody(xml.finish())
        return response
    }

    private func scripted(_ fault: (status: Int, code: String, bodySize: Int?), requestID: String) -> Response {
        var response = Response(status: fault.status)
        if !fault.code.isEmpty {
            response = S3Error(fault.status, fault.code, "Scripted by a test.").response(requestID: requestID)
        }
        if let size = fault.bodySize, case .memory(var body) = response.content {
            body.writeRepeatingByte(UInt8(ascii: " "), count: max(0, size - body.readableBytes))
            response.setBody(body)
        }
        return response
    }

    private func finish(_ response: inout Response, _ request: S3Request?, requestID: String, _ options: FixtureOptions) {
        response.headers.replaceOrAdd(name: "Date", value: now.httpDate)
        response.headers.replaceOrAdd(name: "Server", value: "s3-fixture")
        response.headers.replaceOrAdd(name: "x-amz-request-id", value: requestID)
        response.headers.replaceOrAdd(name: "x-amz-id-2", value: "s3-fixture")
        if let request, store.hasBucket(request.bucket) {
            response.headers.replaceOrAdd(name: "x-amz-bucket-region", value: options.region)
        }
        let hasBody = response.status != 204 && response.status != 304
        if hasBody { response.headers.replaceOrAdd(name: "Content-Length", value: String(response.range.count)) }
        if !hasBody || request?.method == "HEAD" { response.range = 0..<0 }
    }

    func nextRequestID() -> String {
        let number = answered.withLock { count in
            count += 1
            return count
        }
        return "F1X" + String(repeating: "0", count: max(0, 13 - String(number).count)) + String(number)
    }
}
