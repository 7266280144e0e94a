import Glibc

/// An IP address, as bytes: 4 or 16 of them, and 4 for an IPv4 address that is written as an IPv6 one.
struct NetworkAddress: Hashable, Sendable {
    let bytes: [UInt8]

    /// Reads an address without brackets; the zone behind a `%` does not count.
    /// - Returns: `nil` for anything else, a name above all.
    init?(_ text: some StringProtocol) {
        let text = String(text.prefix { $0 != "%" })
        if let bytes = Self.bytes(of: text, AF_INET, count: 4) {
            self.bytes = bytes
        } else if let bytes = Self.bytes(of: text, AF_INET6, count: 16) {
            let isMapped = bytes.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
            self.bytes = isMapped ? Array(bytes.suffix(4)) : bytes
        } else {
            return nil
        }
    }

    private static func bytes(of text: String, _ family: CInt, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}

/// Addresses that begin with the same bits: `10.0.0.0/8`.
struct NetworkRange: Hashable, Sendable {
    private let start: NetworkAddress
    private let bits: Int

    /// Reads `ADDRESS/BITS`; `nil` for anything else.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = NetworkAddress(parts[0]), parts[1].allSatisfy(\.isNumber), let bits = Int(parts[1]),
            bits <= start.bytes.count * 8
        else { return nil }
        self.start = start
        self.bits = bits
    }

    func contains(_ address: NetworkAddress) -> Bool {
        guard address.bytes.count == start.bytes.count else { return false }
        return (0..<bits).allSatisfy { bit in
            (address.bytes[bit / 8] ^ start.bytes[bit / 8]) & (0x80 >> (bit % 8)) == 0
        }
    }
}
