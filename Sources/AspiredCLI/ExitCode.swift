import Servables

/// How the program ends: `sysexits` numbers, each meaning in one place (CONTRACT section 3).
enum ExitCode: Int32, Hashable, Sendable, CaseIterable {
    case done = 0
    /// `probe`: the agent answered no, or did not answer.
    case probeFailed = 1
    /// An unknown flag, value or `ASPIRED_*` variable.
    case usage = 64
    case badData = 65
    case notFound = 66
    case unavailable = 69
    case internalError = 70
    case volume = 73
    case busy = 75
    case denied = 77
    case configuration = 78

    init(_ kind: FailureKind) {
        self =
            switch kind {
            case .badData: .badData
            case .notFound: .notFound
            case .unavailable: .unavailable
            case .internalError: .internalError
            case .volume: .volume
            case .busy: .busy
            case .denied: .denied
            case .configuration: .configuration
            }
    }

    /// - Parameter faults: of the configuration.
    init(_ faults: [ConfigurationFault]) {
        self = faults.isEmpty ? .done : faults.allSatisfy(\.isOfServer) ? .configuration : .usage
    }

    /// The failure that gives the exit code: the first that cannot heal, else the first.
    /// - Parameter failures: in the configuration's order.
    /// - Returns: `nil` when there is none.
    static func mostSevere(of failures: some Sequence<Failure>) -> Failure? {
        var first: Failure?
        for failure in failures {
            if !failure.isTransient { return failure }
            if first == nil { first = failure }
        }
        return first
    }
}
