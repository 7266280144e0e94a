/// The hosts of `NO_PROXY`, which are spoken to directly.
///
/// Entries are separated by commas or white space. `*` means every host; a name means itself and all names below it, with or
/// without a dot (or `*.`) in front, as curl and Python read it; an address means itself; `10.0.0.0/8` a range of addresses; a
/// port behind a name or an address restricts it to that port. An entry that is none of these matches nothing.
struct ProxyExceptions: Hashable, Sendable {
    private enum Entry: Hashable {
        case all
        case name(String, port: Int?)
        case address(NetworkAddress, port: Int?)
        case range(NetworkRange)
    }

    private let entries: [Entry]

    init(parsing text: String) {
        entries = text.split(whereSeparator: { $0 == "," || $0.isWhitespace }).compactMap(Self.entry)
    }

    private static func entry(_ text: Substring) -> Entry? {
        if text == "*" { return .all }
        if text.contains("/") { return NetworkRange(text).map(Entry.range) }
        if let address = NetworkAddress(text) { return .address(address, port: nil) }
        let name = text.hasPrefix("*.") ? text.dropFirst(2) : text.drop { $0 == "." }
        guard let place = HostAndPort(name) else { return nil }
        if let address = NetworkAddress(place.host) { return .address(address, port: place.port) }
        return .name(place.host, port: place.port)
    }

    /// Whether the host is spoken to directly; `port` is the one that is connected to.
    func contain(_ host: String, port: Int) -> Bool {
        let address = NetworkAddress(host)
        return entries.contains { entry in
            switch entry {
            case .all: true
            case .name(let name, let only):
                // No part of an address is a domain.
                address == nil && (only ?? port) == port && (host == name || host.hasSuffix(".\(name)"))
            case .address(let exception, let only): exception == address && (only ?? port) == port
            case .range(let range): address.map(range.contains) ?? false
            }
        }
    }
}
