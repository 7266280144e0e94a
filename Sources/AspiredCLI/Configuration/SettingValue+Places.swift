import Servables
import SystemPackage

/// How paths and addresses are read.
extension SettingValue {
    /// Makes a path absolute against `directory`, without `.`, `..` and double slashes.
    static func path(_ text: String, in directory: String) throws(ParseFault) -> String {
        guard !text.isEmpty else { throw ParseFault("expected a path") }
        guard !hasControlCharacter(text) else { throw ParseFault("the path has a control character") }
        return FilePath(directory).pushing(FilePath(text)).lexicallyNormalized().string
    }

    /// Whether `inner` is `outer` or lies below it; both are absolute and normalized.
    static func isInside(_ inner: String, of outer: String) -> Bool {
        FilePath(inner).starts(with: FilePath(outer))
    }

    /// Where a list of models is: an object, or a file by its path or URI.
    static func modelsConfig(_ text: String, in directory: String) throws(ParseFault) -> SourceLocation {
        guard text.contains("://") else { return .directory(path: try path(text, in: directory)) }
        var problems: [String] = []
        guard let (source, query) = ModelArgument.parseURI(text[...], problems: &problems) else {
            throw ParseFault(problems.joined(separator: "; "))
        }
        guard query.policy == nil, query.ready == nil, query.isRequired else {
            throw ParseFault("of a list of models only ?endpoint= and ?region= can be said")
        }
        if case .s3(_, let key, _, _) = source, key.isEmpty {
            throw ParseFault("expected the key of the list behind the bucket: s3://bucket/models.config")
        }
        return source
    }

    /// The URL of an S3 service: `http` or `https`, a host, perhaps a port and a path.
    static func endpoint(_ text: String) throws(ParseFault) -> String {
        let expected = ParseFault("expected a URL such as https://s3.example.com or http://127.0.0.1:9000")
        let lowercase = text.lowercased()
        guard let scheme = ["http://", "https://"].first(where: { lowercase.hasPrefix($0) }) else { throw expected }
        let rest = text.dropFirst(scheme.count)
        if rest.contains("@") { throw ParseFault("credentials do not belong into a URL; give AWS_ACCESS_KEY_ID or a profile") }
        if rest.contains("?") || rest.contains("#") { throw ParseFault("expected a URL without ? and #") }
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else { throw expected }
        guard let (host, port) = hostAndPort(rest.prefix { $0 != "/" }), host != nil, port != 0 else { throw expected }
        return text
    }

    /// The URL that a change is posted to.
    static func webhook(_ text: String) throws(ParseFault) -> String {
        try url(text, or: ParseFault("expected a URL such as https://hooks.example.com/models"))
    }

    /// `KIND=URL` of a model server.
    static func server(_ text: String) throws(ParseFault) -> ServerSetting {
        let expected = ParseFault(
            "expected KIND=URL, such as tensorflow-serving=http://127.0.0.1:8501 or triton=http://127.0.0.1:8000")
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { throw expected }
        guard let kind = ServerSetting.Kind(rawValue: parts[0]) else { throw expected }
        let url = try url(parts[1], or: expected)
        if url.contains("?") { throw ParseFault("the URL holds a query") }
        return ServerSetting(kind: kind, url: url)
    }

    /// The URL of somebody who is talked to without credentials: `http` or `https`, a host, perhaps a port, a path and a query.
    private static func url(_ text: String, or expected: ParseFault) throws(ParseFault) -> String {
        guard let scheme = ["http://", "https://"].first(where: { text.lowercased().hasPrefix($0) }) else { throw expected }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        if authority.contains("@") { throw ParseFault("a user name and password do not belong into a URL") }
        guard text.utf8.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "#") }) else {
            throw ParseFault("the URL holds a character that must be percent-encoded")
        }
        guard let (host, port) = hostAndPort(authority), host != nil, port != 0 else { throw expected }
        return text
    }

    /// How often a refused version is put in again.
    static func republishRefused(_ text: String) throws(ParseFault) -> Int {
        guard let number = Int(text), 0...100 ~= number, !text.hasPrefix("+") else {
            throw ParseFault("expected a number from 0 to 100")
        }
        return number
    }

    /// A region is signed and becomes part of a host's name.
    static func region(_ text: String) throws(ParseFault) -> String {
        guard !text.isEmpty, text.utf8.count <= 64, text.utf8.allSatisfy({ isHostByte($0) }) else {
            throw ParseFault("expected the name of a region, such as eu-central-1")
        }
        return text
    }

    /// - Returns: `nil` for `off`.
    static func listen(_ text: String, isExplicit: Bool) throws(ParseFault) -> HTTPListen? {
        if text == "off" { return nil }
        guard let (host, port) = hostAndPort(text), let port else {
            throw ParseFault("expected :PORT, HOST:PORT, [IPV6]:PORT or off")
        }
        return HTTPListen(host: host, port: port, isExplicit: isExplicit)
    }

    /// Splits `HOST`, `HOST:PORT`, `[IPV6]:PORT` or `:PORT`; `nil` for anything else.
    private static func hostAndPort(_ text: some StringProtocol) -> (host: String?, port: UInt16?)? {
        var host = Substring(text)
        var port: UInt16?
        let isBracketed = host.hasPrefix("[")
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            guard let number = wholeNumber(host[host.index(after: colon)...]).flatMap(UInt16.init(exactly:)) else { return nil }
            port = number
            host = host[..<colon]
        }
        if isBracketed {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
            let isAddress = host.utf8.allSatisfy {
                $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") || Character(Unicode.Scalar($0)).isHexDigit
            }
            return isAddress && host.contains(":") ? (String(host), port) : nil
        }
        guard host.utf8.allSatisfy({ isHostByte($0) }) else { return nil }
        return host.isEmpty && port == nil ? nil : (host.isEmpty ? nil : String(host), port)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        let character = Character(Unicode.Scalar(byte))
        return character.isASCII
            && (character.isLetter || character.isNumber || character == "." || character == "-" || character == "_")
    }
}
