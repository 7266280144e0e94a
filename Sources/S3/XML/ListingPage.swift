public import Servables
import Transfer

/// An object as a listing shows it.
public struct ListedObject: Hashable, Sendable {
    public fileprivate(set) var key: String
    /// Bytes.
    public let size: Int64
    /// As the store gives it, quotes included; empty where it gives none.
    public let etag: String
    public let lastModified: Timestamp?
    /// `STANDARD`, `GLACIER`…; `nil` where the store gives none.
    public let storageClass: String?

    public init(
        key: String, size: Int64, etag: String, lastModified: Timestamp? = nil, storageClass: String? = nil
    ) {
        self.key = key
        self.size = size
        self.etag = etag
        self.lastModified = lastModified
        self.storageClass = storageClass
    }
}

/// One page of a listing: what stands in one answer to ListObjectsV2.
struct ListingPage: Sendable {
    /// The store gives 1,000 at most; a page of more is no honest one.
    static let maximumItems = 1_000
    /// Bytes of a key, as S3 defines it.
    static let maximumKeyBytes = 1_024

    var objects: [ListedObject] = []
    /// Common prefixes, with the delimiter at their end.
    var prefixes: [String] = []
    /// How to go on; `nil` at the end of the listing. Opaque.
    var nextToken: String?

    /// Whether everything on the page begins with the prefix that was asked for, byte for byte.
    func lies(within prefix: String) -> Bool {
        objects.allSatisfy { $0.key.utf8.starts(with: prefix.utf8) } && prefixes.allSatisfy { $0.utf8.starts(with: prefix.utf8) }
    }
}

/// Parses one answer to ListObjectsV2 as its bytes come.
struct ListingParser {
    private let handler = ListingHandler()
    private let scanner: XMLScanner?

    init() { scanner = XMLScanner(handler) }

    /// Takes the next bytes.
    /// - Returns: whether more make sense.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool { scanner?.take(bytes) ?? false }

    /// The answer is complete.
    func finish() -> Result<ListingPage, XMLFault> {
        do throws(XMLFault) {
            guard let scanner else { throw .malformed("there is no memory for a parser") }
            try scanner.finish()
            return .success(try handler.finished())
        } catch {
            return .failure(error)
        }
    }
}

/// Makes a ``ListingPage`` of the elements of ListObjectsV2.
private final class ListingHandler: XMLHandler {
    private var page = ListingPage()
    private var fields = Fields()
    private var isURLEncoded = false
    private var isTruncated = false
    private var isListing = false
    private var token: String?

    private struct Fields {
        var key: String?
        var size: Int64?
        var etag = ""
        var lastModified: Timestamp?
        var storageClass: String?
    }

    func started(_ path: [String]) {
        if path.count == 1 { isListing = path[0] == "ListBucketResult" }
        if path.count == 2, path[1] == "Contents" { fields = Fields() }
    }

    func ended(_ path: [String], text: String) throws(XMLFault) {
        guard isListing else { return }
        switch path.count {
        case 2: try endedTop(path[1], text)
        case 3 where path[1] == "Contents": try endedField(path[2], text)
        case 3 where path[1] == "CommonPrefixes" && path[2] == "Prefix": try add(prefix: text)
        default: break
        }
    }

    private func endedTop(_ name: String, _ text: String) throws(XMLFault) {
        switch name {
        case "EncodingType": isURLEncoded = text == "url"
        case "IsTruncated": isTruncated = text == "true"
        case "NextContinuationToken": token = text
        case "Contents":
            guard let key = fields.key, let size = fields.size else { throw .malformed("an object has no key or no size") }
            try checkCount()
            page.objects.append(
                ListedObject(
                    key: key, size: size, etag: fields.etag, lastModified: fields.lastModified, storageClass: fields.storageClass)
            )
        default: break
        }
    }

    private func endedField(_ name: String, _ text: String) throws(XMLFault) {
        switch name {
        case "Key": fields.key = text
        case "Size":
            guard let size = Int64(text), size >= 0 else { throw .malformed("an object's size is no number") }
            // Far beyond what any store holds, and sums of them fit.
            guard size <= 1 << 50 else { throw .refused("an object has \(size) bytes") }
            fields.size = size
        case "ETag":
            // It goes into a header as it is; what cannot stand there pins nothing.
            if text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) { fields.etag = text }
        case "LastModified": fields.lastModified = Timestamp(rfc3339: text)
        case "StorageClass": fields.storageClass = text.isEmpty ? nil : text
        default: break
        }
    }

    private func add(prefix: String) throws(XMLFault) {
        try checkCount()
        page.prefixes.append(prefix)
    }

    private func checkCount() throws(XMLFault) {
        guard page.objects.count + page.prefixes.count < ListingPage.maximumItems else {
            throw .refused("a page holds more than \(ListingPage.maximumItems) items")
        }
    }

    /// The page, decoded: the encoding may be named behind what is encoded.
    func finished() throws(XMLFault) -> ListingPage {
        guard isListing else { throw .malformed("it is no ListBucketResult") }
        var page = page
        page.nextToken = isTruncated ? token : nil
        if isTruncated, token?.isEmpty ?? true { throw .malformed("it is truncated and has no continuation token") }
        for index in page.objects.indices {
            page.objects[index].key = try key(page.objects[index].key)
        }
        for index in page.prefixes.indices { page.prefixes[index] = try key(page.prefixes[index]) }
        return page
    }

    private func key(_ text: String) throws(XMLFault) -> String {
        guard let key = isURLEncoded ? PercentEncoding.decodeForm(text) : text else {
            throw .malformed("a key is not well encoded")
        }
        guard key.utf8.count <= ListingPage.maximumKeyBytes else {
            throw .refused("a key is longer than \(ListingPage.maximumKeyBytes) bytes")
        }
        return key
    }
}
