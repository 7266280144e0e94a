/// The scripted faults, each with the count of requests that it has matched.
final class FaultScript: Sendable {
    private struct Rule {
        let fault: Fault
        let pattern: Glob
        var matched = 0

        mutating func meets(_ request: S3Request) -> Bool {
            guard fault.operation == nil || fault.operation == request.operation,
                fault.method == nil || fault.method == request.method, pattern.matches(request.subject)
            else { return false }
            matched += 1
            guard matched >= fault.first else { return false }
            return fault.times.map { matched < fault.first + $0 } ?? true
        }
    }

    private let rules = Lock<[Rule]>([])

    func add(_ fault: Fault) { rules.withLock { $0.append(Rule(fault: fault, pattern: Glob(fault.key))) } }

    func removeAll() { rules.withLock { $0.removeAll() } }

    /// What shall happen to this request; counts it.
    func effects(on request: S3Request) -> Effects {
        rules.withLock { rules in
            var effects = Effects()
            for index in rules.indices where rules[index].meets(request) { effects.add(rules[index].fault.action) }
            return effects
        }
    }
}

/// What the faults that meet one request do together.
struct Effects: Sendable {
    struct Drop: Sendable {
        let reset: Bool
    }

    var delay: Duration?
    var status: (status: Int, code: String, bodySize: Int?)?
    var cut: (after: Int, reset: Bool)?
    var stallAfter: Int?
    var flippedByte: Int?
    var ignoresRange = false
    var headers: [(name: String, value: String)] = []
    var drop: Drop?
    var truncatesListing = false
    var repeatsToken = false
    var rate: Int?
    var replacement: [UInt8]?

    mutating func add(_ action: Fault.Action) {
        switch action {
        case .delay(let duration): delay = duration
        case .status(let status, let code, let bodySize): self.status = (status, code, bodySize)
        case .cut(let after, let reset): cut = (after, reset)
        case .stall(let after): stallAfter = after
        case .flipBit(let offset): flippedByte = offset
        case .ignoreRange: ignoresRange = true
        case .header(let name, let value): headers.append((name, value))
        case .drop(let reset): drop = Drop(reset: reset)
        case .truncateListing: truncatesListing = true
        case .repeatContinuationToken: repeatsToken = true
        case .rate(let bytesPerSecond): rate = bytesPerSecond
        case .replace(let data): replacement = data
        }
    }
}
