import Logging
import Servables

/// How the text of each kind of value is read; each fault is one clause that says what is expected.
enum SettingValue {
    /// Longer durations are slips; nothing that counts in nanoseconds overflows below it.
    private static let longest = Duration.seconds(10 * 365 * 86_400)

    static func duration(_ text: String) throws(ParseFault) -> Duration {
        let duration = try Duration.parse(text)
        guard duration <= longest else { throw ParseFault("expected at most 10 years (87600h)") }
        return duration
    }

    static func pollInterval(_ text: String) throws(ParseFault) -> Duration {
        let interval = try duration(text)
        guard interval >= .milliseconds(100) else { throw ParseFault("expected at least 100ms") }
        return interval
    }

    static func timeout(_ text: String) throws(ParseFault) -> Duration {
        let timeout = try duration(text)
        guard timeout > .zero else { throw ParseFault("expected more than 0; leave it out to wait without end") }
        return timeout
    }

    static func hookTimeout(_ text: String) throws(ParseFault) -> Duration {
        let timeout = try duration(text)
        guard timeout > .zero else { throw ParseFault("expected more than 0") }
        return timeout
    }

    /// `true`, `yes`, `on`, `1` and their opposites, in any case.
    static func bool(_ text: String) throws(ParseFault) -> Bool {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: throw ParseFault("expected true or false")
        }
    }

    /// One of the raw values of `Choice`.
    static func choice<Choice: RawRepresentable<String> & CaseIterable>(_ text: String) throws(ParseFault) -> Choice {
        guard let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue)
            throw ParseFault("expected " + names.dropLast().joined(separator: ", ") + " or " + (names.last ?? ""))
        }
        return choice
    }

    static func logLevel(_ text: String) throws(ParseFault) -> Logger.Level { try choice(text.lowercased()) }

    /// A readiness rule; a marker is a path below the version's directory.
    static func readiness(_ text: String) throws(ParseFault) -> ReadinessRule {
        let rule = try ReadinessRule(parsing: text)
        if case .marker(let name) = rule {
            let components = name.split(separator: "/", omittingEmptySubsequences: false)
            guard !components.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }), !hasControlCharacter(name) else {
                throw ParseFault("the marker is not a path below the version's directory")
            }
        }
        return rule
    }

    static func maxVolume(_ text: String) throws(ParseFault) -> ByteCount {
        let size = try ByteCount(parsing: text)
        guard size.bytes > 0 else { throw ParseFault("expected more than 0; leave it out for no bound") }
        return size
    }

    static func keepFree(_ text: String) throws(ParseFault) -> KeepFree {
        guard text.hasSuffix("%") else {
            do { return .bytes(try ByteCount(parsing: text)) } catch {
                throw ParseFault("expected a size such as 2GiB, or 0% to 99%")
            }
        }
        guard let percent = wholeNumber(text.dropLast()), percent <= 99 else { throw ParseFault("expected 0% to 99%") }
        return .percent(percent)
    }

    /// Without write permission for ourselves a published directory could not be renamed away again.
    static func directoryMode(_ text: String) throws(ParseFault) -> UInt16 {
        let mode = try fileMode(text)
        guard mode & 0o700 == 0o700 else { throw ParseFault("expected at least 0700: versions must be ours to move away") }
        return mode
    }

    static func fileMode(_ text: String) throws(ParseFault) -> UInt16 {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }), (3...4).contains(text.utf8.count),
            let mode = UInt16(text, radix: 8), mode <= 0o777
        else { throw ParseFault("expected an octal mode such as 0644, at most 0777") }
        guard mode & 0o400 != 0 else { throw ParseFault("expected at least 0400: files are read again to be verified") }
        return mode
    }

    static func concurrency(_ text: String) throws(ParseFault) -> Int {
        guard let count = wholeNumber(text), (1...1024).contains(count) else {
            throw ParseFault("expected a number from 1 to 1024")
        }
        return count
    }

    /// - Returns: `nil` for `auto`.
    static func partSize(_ text: String) throws(ParseFault) -> ByteCount? {
        if text == "auto" { return nil }
        return try atLeast64KiB(text, "expected auto, or a size of 64KiB or more")
    }

    static func maxBandwidth(_ text: String) throws(ParseFault) -> ByteCount {
        try atLeast64KiB(text, "expected bytes a second, 64KiB or more")
    }

    private static func atLeast64KiB(_ text: String, _ expected: String) throws(ParseFault) -> ByteCount {
        guard let size = try? ByteCount(parsing: text), size.bytes >= 64 << 10 else { throw ParseFault(expected) }
        return size
    }

    /// The name of a section of the AWS configuration files.
    static func profile(_ text: String) throws(ParseFault) -> String {
        guard !text.isEmpty, !hasControlCharacter(text), !text.contains("]") else {
            throw ParseFault("expected the name of a profile")
        }
        return text
    }

    /// A number in decimal digits, without a sign.
    static func wholeNumber(_ text: some StringProtocol) -> Int? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int(text)
    }

    static func hasControlCharacter(_ text: some StringProtocol) -> Bool {
        text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
