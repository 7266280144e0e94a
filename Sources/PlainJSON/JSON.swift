/// A JSON value (RFC 8259) whose objects keep the order of their members.
///
/// Integers and other numbers are told apart, since sizes and version numbers need all 64 bits of an integer.
public enum JSON: Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits a signed 64-bit integer.
    case integer(Int64)
    /// Any other number. It is finite when it was parsed.
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    /// A name and its value within an object.
    public struct Member: Sendable {
        public let key: String
        public let value: JSON

        public init(_ key: String, _ value: JSON) {
            self.key = key
            self.value = value
        }
    }
}

extension JSON {
    public var isNull: Bool { if case .null = self { true } else { false } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    public var object: [Member]? { if case .object(let value) = self { value } else { nil } }

    /// The integer, `nil` for a number with a fraction, an exponent, or more digits than 64 bits hold.
    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

    /// Any number, an integer included (rounded beyond 2^53).
    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The value of a member, `nil` if this is no object or has no such member. Takes time linear in the number of members.
    public subscript(_ key: String) -> JSON? {
        object?.first { $0.key.isSameText(as: key) }?.value
    }

    /// The element at an index, `nil` if this is no array or a shorter one.
    public subscript(_ index: Int) -> JSON? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }
}

/// Two values are equal if they are written alike: members in the same order, strings of the same code points, `1` not `1.0`.
extension JSON: Equatable {
    public static func == (left: JSON, right: JSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.isSameText(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }
}

extension JSON.Member: Equatable {
    public static func == (left: JSON.Member, right: JSON.Member) -> Bool {
        left.key.isSameText(as: right.key) && left.value == right.value
    }
}

extension String {
    /// Whether both have the same code points. `==` also takes strings for equal that are only canonically equivalent, as `é` in
    /// its one- and two-scalar forms: two names in JSON, in S3 and on Linux.
    func isSameText(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}
