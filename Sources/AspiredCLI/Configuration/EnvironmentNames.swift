/// Which variables of the environment are ours (CONTRACT section 3).
enum EnvironmentNames {
    /// A fault for each `ASPIRED_*` variable that no setting has, in the order of their names.
    static func faults(in environment: [String: String]) -> [ConfigurationFault] {
        let known = Setting.all.map(\.variable)
        return environment.keys.sorted().compactMap { name in
            guard name.hasPrefix(Setting.variablePrefix), !known.contains(name), !isServiceLink(name) else { return nil }
            let nearest = NearestName.nearest(to: name, of: known) ?? ""
            return ConfigurationFault(
                "unknown variable \(Redaction.printable(name)); the nearest known one is \(nearest); "
                    + "`aspired config` lists them all")
        }
    }

    /// Whether Kubernetes makes such a name for a service whose own name begins with `aspired`, as it does in every pod of
    /// the namespace unless `enableServiceLinks` is false: `…_SERVICE_HOST`, `…_SERVICE_PORT`, `…_SERVICE_PORT_NAME`,
    /// `…_PORT`, `…_PORT_9464_TCP` and that with `_PROTO`, `_PORT`, `_ADDR`.
    static func isServiceLink(_ name: String) -> Bool {
        var parts = name.split(separator: "_", omittingEmptySubsequences: false)
        if parts.count > 2, parts.suffix(2) == ["SERVICE", "HOST"] { return true }
        if let service = parts.dropFirst().firstIndex(of: "SERVICE"), parts.dropFirst(service + 1).first == "PORT" { return true }
        if parts.count > 4, ["PROTO", "PORT", "ADDR"].contains(parts.last), isPortPart(parts.dropLast()) { return true }
        if isPortPart(parts[...]) { return true }
        return parts.count > 1 && parts.removeLast() == "PORT"
    }

    /// Whether the parts end as `…_PORT_9464_TCP` does.
    private static func isPortPart(_ parts: ArraySlice<Substring>) -> Bool {
        guard parts.count > 3, let proto = parts.last, let port = parts.dropLast().last else { return false }
        return parts.dropLast(2).last == "PORT" && UInt16(port) != nil && ["TCP", "UDP", "SCTP"].contains(proto)
    }
}
