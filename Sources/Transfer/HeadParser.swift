/// Puts a `ResponseHead` together from the header lines that libcurl hands out one by one, interim answers included.
struct HeadParser {
    /// More than this is no answer of a store: S3's headers stay below 8 KiB, user metadata included.
    static let limit = 64 * 1024

    private var status = 0
    private var headers: [HTTPHeader] = []
    private var received = 0

    enum Step {
        case more
        /// The final headers are complete.
        case complete(ResponseHead)
        case tooLarge
    }

    /// Takes one line with its line end.
    mutating func take(_ line: UnsafeRawBufferPointer) -> Step {
        received += line.count
        guard received <= Self.limit else { return .tooLarge }
        var end = line.count
        while end > 0, line[end - 1] == UInt8(ascii: "\n") || line[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        let text = UnsafeRawBufferPointer(rebasing: line[..<end])
        if text.isEmpty {
            // After an interim answer (100 Continue, 103 Early Hints) another one follows.
            if 100...199 ~= status { return .more }
            return .complete(ResponseHead(status: status, headers: headers))
        }
        if text.starts(with: "HTTP/".utf8) {
            status = Self.status(in: text)
            headers = []
            headers.reserveCapacity(16)
        } else if let colon = text.firstIndex(of: UInt8(ascii: ":")), !text[0].isBlank {
            headers.append(HTTPHeader(Self.string(text[..<colon]), Self.string(text[(colon + 1)...])))
        }
        return .more
    }

    /// The number after the first space; 0 if there is none (libcurl refuses such an answer itself).
    private static func status(in line: UnsafeRawBufferPointer) -> Int {
        let code = line.drop { !$0.isBlank }.drop { $0.isBlank }.prefix { !$0.isBlank }
        return Int(String(decoding: code, as: UTF8.self)) ?? 0
    }

    private static func string(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        var trimmed = bytes.drop { $0.isBlank }
        while let last = trimmed.last, last.isBlank { trimmed.removeLast() }
        return String(decoding: UnsafeRawBufferPointer(rebasing: trimmed), as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
}
