import NIOCore
import NIOHTTP1

/// One request, taken apart as S3 does.
struct S3Request: Sendable {
    let method: String
    /// Path and query as they came, still encoded.
    let rawPath: String
    let rawQuery: String
    let headers: HTTPHeaders
    let body: ByteBuffer
    let operation: Operation
    let bucket: String
    /// Empty for a request to the bucket.
    let key: ObjectKey
    private let query: [String: String]

    /// - Returns: `nil` where the target is not validly percent-encoded.
    init?(_ head: HTTPRequestHead, body: ByteBuffer, baseDomain: String) {
        method = head.method.rawValue
        headers = head.headers
        self.body = body
        let target = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        rawPath = String(target[0])
        rawQuery = target.count > 1 ? String(target[1]) : ""
        guard let path = percentDecoded(rawPath), path.first == UInt8(ascii: "/"), let pairs = S3Request.pairs(rawQuery) else {
            return nil
        }
        query = Dictionary(
            pairs.map { (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self)) },
            uniquingKeysWith: { first, _ in first })
        if let bucket = S3Request.bucket(ofHost: head.headers.first(name: "host") ?? "", baseDomain) {
            self.bucket = bucket
            key = ObjectKey(path.dropFirst())
        } else {
            let parts = path.dropFirst().split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
            bucket = parts.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
            key = ObjectKey(parts.count > 1 ? parts[1] : [])
        }
        operation = S3Request.operation(method, bucket: bucket, hasKey: !key.bytes.isEmpty, query)
    }

    /// A query parameter, decoded; empty for one without a value.
    func parameter(_ name: String) -> String? { query[name] }

    /// `bucket/key`, or `bucket/prefix` for a listing: what the patterns of faults are compared with.
    var subject: [UInt8] {
        Array(bucket.utf8) + [UInt8(ascii: "/")] + (operation == .list ? Array((query["prefix"] ?? "").utf8) : key.bytes)
    }

    /// A query's decoded names and values. A plus is a plus, since SigV4 knows no other way.
    static func pairs(_ query: String) -> [(name: [UInt8], value: [UInt8])]? {
        var pairs: [(name: [UInt8], value: [UInt8])] = []
        for pair in query.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = percentDecoded(sides[0]), let value = percentDecoded(sides.count > 1 ? sides[1] : "") else {
                return nil
            }
            pairs.append((name, value))
        }
        return pairs
    }

    private static func bucket(ofHost host: String, _ baseDomain: String) -> String? {
        let name = String(host.prefix { $0 != ":" })
        guard name.hasSuffix("." + baseDomain) else { return nil }
        return String(name.dropLast(baseDomain.count + 1))
    }

    /// Sub-resources that S3 knows and the fixture does not.
    private static let otherResources: Set<String> = [
        "acl", "attributes", "cors", "delete", "lifecycle", "policy", "select", "tagging", "torrent", "uploads", "versionId",
        "versioning", "versions",
    ]

    private static func operation(_ method: String, bucket: String, hasKey: Bool, _ query: [String: String]) -> Operation {
        if bucket.isEmpty { return .other }
        if method == "POST", hasKey, query["uploads"] != nil { return .createUpload }
        if !otherResources.isDisjoint(with: query.keys) { return .other }
        let isPartOfUpload = query["uploadId"] != nil
        switch (method, hasKey) {
        case ("GET", false): return query["location"] != nil ? .location : query["list-type"] == "2" ? .list : .other
        case ("HEAD", false): return .headBucket
        case ("PUT", false): return .createBucket
        case ("GET", true): return isPartOfUpload ? .other : .get
        case ("HEAD", true): return .head
        case ("PUT", true): return isPartOfUpload ? .uploadPart : .put
        case ("DELETE", true): return isPartOfUpload ? .abortUpload : .delete
        case ("POST", true): return isPartOfUpload ? .completeUpload : .other
        default: return .other
        }
    }
}
