/// One page of a listing while it is gathered: keys come in order, and what the page cannot hold any more ends it.
struct ListingPage: Sendable {
    enum Item: Hashable, Sendable {
        case key(ObjectKey)
        case commonPrefix([UInt8])
    }

    /// From where a page goes on.
    enum Floor: Hashable, Sendable {
        /// Keys after this one.
        case after([UInt8])
        /// Keys after all that begin so.
        case past([UInt8])
    }

    let prefix: [UInt8]
    let delimiter: [UInt8]
    let limit: Int
    private(set) var floor: Floor
    private(set) var items: [Item] = []
    private(set) var isTruncated = false

    init(prefix: [UInt8], delimiter: [UInt8], limit: Int, floor: Floor) {
        self.prefix = prefix
        self.delimiter = delimiter
        self.limit = limit
        self.floor = floor
    }

    /// Whether a key that begins with `start` could be on this page.
    func mayHold(keysBeginningWith start: [UInt8]) -> Bool {
        guard !isTruncated, start.starts(with: prefix) || prefix.starts(with: start) else { return false }
        switch floor {
        case .after(let key): return !start.lexicographicallyPrecedes(key) || key.starts(with: start)
        case .past(let passed):
            return !start.starts(with: passed) && (!start.lexicographicallyPrecedes(passed) || passed.starts(with: start))
        }
    }

    /// Takes in the next key in order.
    /// - Returns: whether the page wants more.
    mutating func add(_ key: ObjectKey) -> Bool {
        guard !isTruncated else { return false }
        guard key.bytes.starts(with: prefix), isAboveFloor(key.bytes) else { return true }
        let group = commonPrefix(of: key.bytes)
        guard items.count < limit else {
            isTruncated = limit > 0
            return false
        }
        items.append(group.map(Item.commonPrefix) ?? .key(key))
        floor = group.map(Floor.past) ?? .after(key.bytes)
        return true
    }

    private func isAboveFloor(_ key: [UInt8]) -> Bool {
        switch floor {
        case .after(let last): last.lexicographicallyPrecedes(key)
        case .past(let passed): passed.lexicographicallyPrecedes(key) && !key.starts(with: passed)
        }
    }

    private func commonPrefix(of key: [UInt8]) -> [UInt8]? {
        guard !delimiter.isEmpty, key.count >= prefix.count + delimiter.count else { return nil }
        for start in prefix.count...(key.count - delimiter.count) where key[start...].starts(with: delimiter) {
            return Array(key[..<(start + delimiter.count)])
        }
        return nil
    }
}

extension ListingPage.Floor {
    /// As a continuation token: opaque, and full of the characters that a client must encode in a query.
    var token: String {
        switch self {
        case .after(let key): "1/+k" + hex(key) + "=="
        case .past(let prefix): "1/+p" + hex(prefix) + "=="
        }
    }

    init?(token: String) {
        guard token.hasPrefix("1/+"), token.hasSuffix("=="), let content = bytes(hex: token.utf8.dropFirst(4).dropLast(2)) else {
            return nil
        }
        switch token.dropFirst(3).first {
        case "k": self = .after(content)
        case "p": self = .past(content)
        default: return nil
        }
    }
}
