import NIOCore

/// Writes a small XML document.
struct XMLText {
    private var text = #"<?xml version="1.0" encoding="UTF-8"?>"# + "\n"
    private var open: [String] = []

    init(root: String, namespace: String? = nil) {
        text += "<\(root)" + (namespace.map { #" xmlns="\#($0)""# } ?? "") + ">"
        open.append(root)
    }

    /// The namespace of S3's answers (but not of its errors).
    static let s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

    mutating func element(_ name: String, _ value: String) { text += "<\(name)>\(XMLText.escaped(value))</\(name)>" }

    /// Character data of the open element.
    mutating func text(_ value: String) { text += XMLText.escaped(value) }

    mutating func begin(_ name: String) {
        text += "<\(name)>"
        open.append(name)
    }

    mutating func end() {
        if let name = open.popLast() { text += "</\(name)>" }
    }

    /// Closes what is open.
    consuming func finish() -> ByteBuffer {
        while !open.isEmpty { end() }
        return ByteBuffer(string: text)
    }

    /// Control characters become references as on AWS, though XML 1.0 has none for them: that is why clients ask for `encoding-type=url`.
    private static func escaped(_ value: String) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case _ where scalar.value < 0x20: escaped += "&#x\(String(scalar.value, radix: 16));"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
