extension Duration {
    /// Parses `500ms`, `30s`, `10m`, `2h`, or `0`.
    public static func parse(_ text: String) throws(ParseFault) -> Duration {
        let fault = ParseFault("expected a duration such as 500ms, 30s, 10m or 2h")
        if text == "0" { return .zero }
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let value = Double(digits), value.isFinite, value < 1e9 else { throw fault }
        switch text.dropFirst(digits.count) {
        case "ms": return .seconds(value / 1e3)
        case "s": return .seconds(value)
        case "m": return .seconds(value * 60)
        case "h": return .seconds(value * 3600)
        default: throw fault
        }
    }

    /// The whole in seconds.
    public var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }

    /// As people write it: `250ms`, `1.5s`, `2m10s`, `3h5m`.
    public var text: String {
        let seconds = inSeconds
        if seconds < 1 { return "\(Int((seconds * 1000).rounded()))ms" }
        if seconds < 60 {
            let tenths = (seconds * 10).rounded() / 10
            return tenths == tenths.rounded() ? "\(Int(tenths))s" : "\(tenths)s"
        }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return whole % 60 == 0 ? "\(whole / 60)m" : "\(whole / 60)m\(whole % 60)s" }
        let minutes = (whole % 3600) / 60
        return minutes == 0 ? "\(whole / 3600)h" : "\(whole / 3600)h\(minutes)m"
    }
}
