/// Why a text describes no fault.
public struct FaultTextError: Error, CustomStringConvertible, Sendable {
    public let description: String
}

extension Fault {
    /// Reads `ACTION[=VALUE][,on=OPERATION][,method=METHOD][,key=GLOB][,first=N][,times=N|all]`.
    ///
    /// Actions: `delay=30ms`, `status=503/SlowDown[/SIZE]`, `cut=SIZE`, `reset=SIZE`, `stall=SIZE`, `flip-bit=OFFSET`,
    /// `ignore-range`, `header=NAME:VALUE`, `drop`, `drop-reset`, `truncate-listing`, `repeat-token`, `rate=SIZE`, `replace=TEXT`.
    public init(parsing text: String) throws(FaultTextError) {
        let parts = text.split(separator: ",").map { part in
            part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        }
        guard let head = parts.first else { throw FaultTextError(description: "an empty fault") }
        self.init(try Fault.action(head[0], head.count > 1 ? head[1] : ""))
        for part in parts.dropFirst() {
            let value = part.count > 1 ? part[1] : ""
            switch part[0] {
            case "on":
                operation = try Fault.required(Operation(rawValue: value), "operation '\(value)'")
            case "method":
                method = value
            case "key":
                key = value
            case "first":
                first = try Fault.required(Int(value), "number '\(value)'")
            case "times":
                times = value == "all" ? nil : try Fault.required(Int(value), "number '\(value)'")
            default:
                throw FaultTextError(description: "unknown condition '\(part[0])' of a fault")
            }
        }
    }

    private static func action(_ name: String, _ value: String) throws(FaultTextError) -> Action {
        switch name {
        case "delay": return .delay(try required(duration(value), "duration '\(value)'"))
        case "status":
            let parts = value.split(separator: "/").map(String.init)
            let status = try required(parts.first.flatMap { Int($0) }, "status '\(value)'")
            return .status(
                status, code: parts.count > 1 ? parts[1] : "", bodySize: parts.count > 2 ? try bytes(parts[2]) : nil)
        case "cut": return .cut(after: try bytes(value))
        case "reset": return .cut(after: try bytes(value), reset: true)
        case "stall": return .stall(after: try bytes(value))
        case "flip-bit": return .flipBit(at: try bytes(value))
        case "ignore-range": return .ignoreRange
        case "header":
            let sides = value.split(separator: ":", maxSplits: 1).map(String.init)
            guard sides.count == 2 else { throw FaultTextError(description: "'\(value)' is no NAME:VALUE") }
            return .header(sides[0], String(sides[1].drop { $0 == " " }))
        case "drop": return .drop()
        case "drop-reset": return .drop(reset: true)
        case "truncate-listing": return .truncateListing
        case "repeat-token": return .repeatContinuationToken
        case "rate": return .rate(try bytes(value))
        case "replace": return .replace(Array(value.utf8))
        default: throw FaultTextError(description: "unknown action '\(name)' of a fault")
        }
    }

    private static func bytes(_ text: String) throws(FaultTextError) -> Int { try required(byteCount(text), "size '\(text)'") }

    private static func required<Value>(_ value: Value?, _ what: String) throws(FaultTextError) -> Value {
        guard let value else { throw FaultTextError(description: "no such \(what) in a fault") }
        return value
    }

    /// `500`, `64KiB`, `90MB`; `nil` if it is no size.
    public static func byteCount(_ text: String) -> Int? {
        let units: [(String, Int)] = [
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("", 1),
        ]
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let count = Int(text.dropLast(unit.count)), count >= 0 else { return nil }
            return count.multipliedReportingOverflow(by: factor).overflow ? nil : count * factor
        }
        return nil
    }

    /// `30ms`, `2s`, `5m`; `nil` if it is no duration.
    public static func duration(_ text: String) -> Duration? {
        let units: [(String, Int)] = [("ms", 1), ("s", 1000), ("m", 60_000)]
        for (unit, milliseconds) in units where text.hasSuffix(unit) {
            guard let count = Int(text.dropLast(unit.count)), (0...1_000_000).contains(count) else { return nil }
            return .milliseconds(count * milliseconds)
        }
        return nil
    }
}
