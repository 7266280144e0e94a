import Servables

/// Environment variables with their names as origins.
struct Variables {
    private let environment: [String: String]

    init(_ environment: [String: String]) { self.environment = environment }

    /// The first that is set and not empty.
    func first(of names: [String]) -> Sourced<String>? {
        for name in names {
            if let value = environment[name].map(trimmed), !value.isEmpty { return Sourced(value, origin: name) }
        }
        return nil
    }

    /// A switch: `0`, `false`, `no` and `off` mean off, anything else on. (TensorFlow's own S3 code took every word that does
    /// not begin with `0` for on; nobody who writes `false` means that.)
    func flag(_ name: String) -> Sourced<Bool>? { first(of: [name])?.flag }
}

extension Sourced<String> {
    /// The value as a switch.
    var flag: Sourced<Bool> { Sourced<Bool>(!["0", "false", "no", "off"].contains(value.lowercased()), origin: origin) }
}
