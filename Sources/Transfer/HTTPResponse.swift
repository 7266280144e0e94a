/// Status and headers of an answer: the final ones, interim answers (1xx) and trailers are left out.
public struct ResponseHead: Hashable, Sendable {
    public let status: Int
    /// In the order in which they came.
    public let headers: [HTTPHeader]

    public init(status: Int, headers: [HTTPHeader] = []) {
        self.status = status
        self.headers = headers
    }

    /// The value of the first header of this name, upper and lower case being the same; without surrounding white space.
    public subscript(_ name: String) -> String? {
        let length = name.utf8.count
        // Lengths first, and in place: most headers are told apart by them, and a checksum's name is looked up for several.
        let index = headers.indices.first { headers[$0].name.utf8.count == length && headers[$0].name.equalsIgnoringCase(name) }
        return index.map { headers[$0].value }
    }

    /// Whether the status is one of 200 to 299.
    public var isSuccess: Bool { 200...299 ~= status }

    /// `Content-Length`, in bytes; `nil` if there is none or it is no number.
    public var contentLength: Int64? {
        self["content-length"].flatMap(decimal)
    }

    /// `Content-Range`; `nil` if there is none or it is malformed (RFC 9110, section 14.4).
    public var contentRange: ContentRange? {
        self["content-range"].flatMap { ContentRange($0) }
    }
}

/// A parsed `Content-Range: bytes 0-99/1234` (RFC 9110, section 14.4).
public struct ContentRange: Hashable, Sendable {
    /// The bytes that the body holds; `nil` for `bytes */1234`, which goes with status 416.
    public let range: Range<Int64>?
    /// Bytes of the whole object; `nil` for `*`, unknown.
    public let total: Int64?

    /// Bounds are as in Swift: `end` is one past the last byte.
    public init(range: Range<Int64>?, total: Int64?) {
        self.range = range
        self.total = total
    }

    /// Parses the header's value.
    init?(_ text: String) {
        let unit = "bytes "
        guard text.prefix(unit.count).lowercased() == unit else { return nil }
        let halves = text.dropFirst(unit.count).split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, halves[1] == "*" || decimal(halves[1]) != nil else { return nil }
        total = decimal(halves[1])
        if halves[0] == "*" {
            range = nil
            return
        }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = decimal(ends[0]), let last = decimal(ends[1]) else { return nil }
        guard first <= last, last < total ?? .max else { return nil }
        range = first..<(last + 1)
    }
}

/// A whole answer whose body was collected.
public struct HTTPResponse: Hashable, Sendable {
    public let head: ResponseHead
    public let body: [UInt8]

    public init(head: ResponseHead, body: [UInt8]) {
        self.head = head
        self.body = body
    }
}

/// Digits only: `Int64.init` would take a sign, too.
private func decimal(_ text: some StringProtocol) -> Int64? {
    text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? Int64(text) : nil
}

extension String {
    /// Whether both are the same but for the case of ASCII letters.
    func equalsIgnoringCase(_ other: String) -> Bool {
        var (left, right) = (self, other)
        return left.withUTF8 { left in right.withUTF8 { left.elementsEqual($0) { $0.asciiLowercased == $1.asciiLowercased } } }
    }
}

extension UInt8 {
    fileprivate var asciiLowercased: UInt8 { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= self ? self | 0x20 : self }
}
