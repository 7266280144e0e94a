import Servables
import Transfer

/// A request in the form that Signature Version 4 signs, and the parts that are sent, built once: what is signed is byte for
/// byte what is sent (reference: AWS, "Create a signed AWS API request"; S3 neither normalises nor encodes the path again).
struct CanonicalRequest: Sendable {
    let method: String
    /// The encoded path, as it stands in the request line.
    let path: String
    /// The encoded query, sorted; empty if there is none.
    let query: String
    /// What is signed and sent, `host` among them; names in lower case, sorted, each once.
    let headers: [(name: String, value: String)]
    /// The names of the headers, joined by semicolons.
    let signedHeaders: String
    /// SHA-256 of the body in hexadecimal, or a literal that S3 takes in its place.
    let payloadHash: String

    /// `path` is encoded already and begins with `/`; names and values of `query` are not encoded yet. Query and headers come in
    /// any order; values of one header are joined by commas, as a recipient may do.
    init(
        method: String, path: String, query: [(name: String, value: String)], headers: [(name: String, value: String)],
        payloadHash: String
    ) {
        self.method = method
        self.path = path
        self.query =
            query
            .map { (PercentEncoding.query($0.name), PercentEncoding.query($0.value)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
        self.headers = CanonicalRequest.canonical(headers)
        signedHeaders = self.headers.map(\.name).joined(separator: ";")
        self.payloadHash = payloadHash
    }

    /// The text whose hash is signed.
    var text: String {
        var pieces = [method, "\n", path, "\n", query, "\n"]
        pieces.reserveCapacity(4 * headers.count + 10)
        for (name, value) in headers {
            pieces.append(name)
            pieces.append(":")
            pieces.append(value)
            pieces.append("\n")
        }
        return String(pieces: pieces + ["\n", signedHeaders, "\n", payloadHash])
    }

    private static func canonical(_ headers: [(name: String, value: String)]) -> [(name: String, value: String)] {
        var joined: [(name: String, value: String)] = []
        for header in headers {
            let name = header.name.lowercased()
            let value = collapsingSpaces(header.value)
            if let index = joined.firstIndex(where: { $0.name == name }) {
                joined[index].value += ",\(value)"
            } else {
                joined.append((name, value))
            }
        }
        return joined.sorted { $0.name < $1.name }
    }

    /// Trims, and makes one space of every run of white space, line breaks included: no value can begin a header of its own.
    private static func collapsingSpaces(_ value: String) -> String {
        var value = value
        guard value.withUTF8({ $0.contains { $0 <= UInt8(ascii: " ") } }) else { return value }
        return value.split(whereSeparator: \.isASCIIWhitespace).joined(separator: " ")
    }
}
