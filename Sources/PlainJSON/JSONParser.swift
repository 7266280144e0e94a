/// A recursive descent over the bytes of one JSON text; the section numbers are those of RFC 8259.
struct JSONParser {
    let bytes: [UInt8]
    var position = 0
    private var depth = 0
    /// Values that are kept, of a text with a streamed member.
    private var kept = 0
    /// A member of the outermost object whose elements are handed on instead of kept.
    private let streamed: StreamedMember?

    struct StreamedMember {
        let name: String
        let each: (JSON) -> Bool
    }

    init(_ bytes: [UInt8], streaming streamed: StreamedMember? = nil) {
        self.bytes = bytes
        self.streamed = streamed
    }

    /// Section 2: one value with white space around it, and nothing else.
    mutating func parse() throws(JSONFault) -> JSON {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw fault("the text begins with a byte order mark, which JSON does not allow")
        }
        skipWhiteSpace()
        let value = try parseValue()
        skipWhiteSpace()
        guard position == bytes.count else { throw fault("something follows the value") }
        return value
    }

    /// Section 3.
    private mutating func parseValue() throws(JSONFault) -> JSON {
        guard let next else { throw fault("the text ends where a value is expected") }
        switch next {
        case UInt8(ascii: "{"): return .object(try parseObject())
        case UInt8(ascii: "["): return .array(try parseArray())
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        case UInt8(ascii: "t"): return try parseName("true", as: true)
        case UInt8(ascii: "f"): return try parseName("false", as: false)
        case UInt8(ascii: "n"): return try parseName("null", as: .null)
        default: throw fault("a value is expected")
        }
    }

    /// Section 4. The RFC leaves open what two members of one name mean; readers that differ in it can be played off against each
    /// other, so they are refused.
    private mutating func parseObject() throws(JSONFault) -> [JSON.Member] {
        try enter()
        var members: [JSON.Member] = []
        var names = NameSet()
        if skip(UInt8(ascii: "}")) { return leave(members) }
        while true {
            let start = position
            guard next == UInt8(ascii: "\"") else { throw fault("a member's name in double quotes is expected") }
            let key = try parseString()
            guard names.insert(key, among: members) else { throw JSONFault("two members of an object have one name", at: start) }
            skipWhiteSpace()
            guard skip(UInt8(ascii: ":")) else { throw fault("a colon is expected after a member's name") }
            skipWhiteSpace()
            let isStreamed = depth == 1 && streamed.map { $0.name.isSameText(as: key) } ?? false
            members.append(JSON.Member(key, isStreamed ? try parseStreamed() : try parseValue()))
            try keep()
            skipWhiteSpace()
            if skip(UInt8(ascii: "}")) { return leave(members) }
            guard skip(UInt8(ascii: ",")) else { throw fault("a comma or the end of the object is expected") }
            skipWhiteSpace()
        }
    }

    /// A value whose elements go to whoever asked for them, if it is an array; an empty one stands for it then.
    private mutating func parseStreamed() throws(JSONFault) -> JSON {
        guard next == UInt8(ascii: "["), let each = streamed?.each else { return try parseValue() }
        return .array(try parseArray(handingTo: each))
    }

    /// Section 5.
    /// - `each`: is given the elements, which are not kept then; `false` ends the parsing.
    private mutating func parseArray(handingTo each: ((JSON) -> Bool)? = nil) throws(JSONFault) -> [JSON] {
        try enter()
        var elements: [JSON] = []
        if skip(UInt8(ascii: "]")) { return leave(elements) }
        while true {
            let start = position
            let keptBefore = kept
            let element = try parseValue()
            if let each {
                guard each(element) else { throw JSONFault("an element is not wanted", at: start) }
                kept = keptBefore
            } else {
                elements.append(element)
                try keep()
            }
            skipWhiteSpace()
            if skip(UInt8(ascii: "]")) { return leave(elements) }
            guard skip(UInt8(ascii: ",")) else { throw fault("a comma or the end of the array is expected") }
            skipWhiteSpace()
        }
    }

    private mutating func keep() throws(JSONFault) {
        guard streamed != nil else { return }
        kept += 1
        guard kept <= JSON.valueLimit else { throw fault("there are more than \(JSON.valueLimit) values that nobody asked for") }
    }

    private mutating func parseName(_ name: StaticString, as value: JSON) throws(JSONFault) -> JSON {
        let matches = name.withUTF8Buffer { bytes[position...].starts(with: $0) }
        guard matches else { throw fault("a value is expected") }
        position += name.utf8CodeUnitCount
        return value
    }
}

extension JSONParser {
    /// The byte at the position, `nil` at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    func fault(_ reason: String) -> JSONFault { JSONFault(reason, at: position) }

    /// Takes the next byte if it is this one.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipWhiteSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    /// Takes the bracket that opens an array or object and the white space behind it.
    private mutating func enter() throws(JSONFault) {
        guard depth < JSON.depthLimit else {
            throw fault("arrays and objects lie more than \(JSON.depthLimit) deep in each other")
        }
        depth += 1
        position += 1
        skipWhiteSpace()
    }

    private mutating func leave<Value>(_ value: Value) -> Value {
        depth -= 1
        return value
    }
}

/// The names that an object has so far: compared one by one while they are few, as they nearly always are, and by hash beyond,
/// so that a hostile object of a million members does not take a million times as long as one of a thousand.
private struct NameSet {
    private var hashed: Set<[UInt8]> = []

    /// - Returns: `false` if one of the members has the name already.
    mutating func insert(_ name: String, among members: [JSON.Member]) -> Bool {
        let few = 16
        if members.count < few { return !members.contains { $0.key.isSameText(as: name) } }
        if members.count == few { hashed = Set(members.map { Array($0.key.utf8) }) }
        return hashed.insert(Array(name.utf8)).inserted
    }
}
