/// One header field, name and value as they go on the wire.
public struct HTTPHeader: Hashable, Sendable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// One HTTP request, sent byte for byte as it is given: what was signed is what arrives.
///
/// To `headers` are added `Host` (`host`, and `:port` where the port is not the scheme's default) and `User-Agent` unless they
/// are given, `Content-Length` where there is a body, and nothing else: no `Accept`, no `Accept-Encoding`, no `Expect`, no
/// `Content-Type`.
public struct HTTPRequest: Hashable, Sendable {
    /// Upper case: `GET`, `HEAD`, `PUT`, `POST`, `DELETE`.
    public let method: String
    /// Absolute, `http` or `https`, already percent-encoded: printable ASCII without space, fragment or user name. The path is
    /// not normalised: `/a/../b` is sent as it is.
    public let url: String
    /// In the order in which they are sent.
    public let headers: [HTTPHeader]
    /// `nil` sends no body; an empty one sends `Content-Length: 0`, as `PUT` and `POST` always do.
    public let body: [UInt8]?
    /// Which connection it goes by.
    public var connection = Connection.any
    /// Bytes of the answer's body, where they are known: it is received into no larger buffer than it needs.
    public var answerBytes: Int64?

    public enum Connection: Hashable, Sendable {
        /// One that is open, if there is one.
        case any
        /// A new one, to an address that is resolved anew: whoever failed before is not asked again because of a habit.
        case fresh
    }

    public init(_ method: String, _ url: String, headers: [HTTPHeader] = [], body: [UInt8]? = nil) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

extension HTTPRequest {
    /// Host and port as the URL names them, for messages: without scheme, path, query or user.
    var authority: String {
        guard let bytes = authorityBytes else { return "?" }
        let whole = bytes.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let start = whole.lastIndex(of: UInt8(ascii: "@")).map { whole.index(after: $0) } ?? whole.startIndex
        return String(Substring(whole[start...]))
    }

    /// What stands between the scheme's slashes and the path's.
    private var authorityBytes: Substring.UTF8View? {
        let slash = UInt8(ascii: "/")
        let slashes = url.utf8.drop { $0 != slash }
        return slashes.starts(with: "//".utf8) ? slashes.dropFirst(2).prefix { $0 != slash } : nil
    }

    /// Whether a body goes with it, if only an empty one.
    var sendsBody: Bool { method != "HEAD" && (body != nil || method == "PUT" || method == "POST") }

    /// What makes the request impossible to send as it is, in words; never quotes a value.
    var fault: String? {
        guard !method.isEmpty, method.utf8.allSatisfy({ UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }) else {
            return "the method is not a word of upper case letters"
        }
        guard url.utf8.starts(with: "http://".utf8) || url.utf8.starts(with: "https://".utf8) else {
            return "the URL is neither http:// nor https://"
        }
        guard url.hasOnly({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "#") }) else {
            return "the URL holds a character that must be percent-encoded"
        }
        // Few keys have one; of all others the authority need not be found.
        let mark = UInt8(ascii: "@")
        guard !url.utf8.contains(mark) || authorityBytes?.contains(mark) == false else {
            return "the URL holds a user name"
        }
        for header in headers {
            guard !header.name.isEmpty, header.name.hasOnly({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: ":") }) else {
                return "a header's name is not a token"
            }
            guard header.value.hasOnly({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                return "the value of header \(header.name) holds a control character"
            }
        }
        return nil
    }
}

extension String {
    /// Whether all bytes are such.
    fileprivate func hasOnly(_ isFine: (UInt8) -> Bool) -> Bool {
        var text = self
        return text.withUTF8 { $0.allSatisfy(isFine) }
    }
}
