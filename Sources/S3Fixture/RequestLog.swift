/// A request that the fixture received, and what it answered.
public struct RequestRecord: Sendable {
    public let operation: Operation
    public let method: String
    public let bucket: String
    public let key: String
    /// As they came, percent-encoded.
    public let path: String
    public let query: String
    public let headers: [(name: String, value: String)]
    /// Which of the server's connections it came over, counted from 1.
    public let connection: Int
    /// `nil` while it is not answered, and for good if the connection was dropped instead.
    public internal(set) var status: Int?
    /// Bytes of the body that were handed to the network.
    public internal(set) var sentBytes = 0

    /// The `Range` header.
    public var range: String? { header("range") }

    /// The value of the first header of this name, in any case.
    public func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }
}

/// What was asked, in the order it came.
final class RequestLog: Sendable {
    private struct State {
        var records: [RequestRecord] = []
        /// How many records were forgotten before the first one.
        var forgotten = 0
    }

    private let state = Lock(State())

    var records: [RequestRecord] { state.withLock { $0.records } }

    func removeAll() {
        state.withLock { state in
            state.forgotten += state.records.count
            state.records.removeAll()
        }
    }

    /// - Returns: a number to `update` the record by.
    func append(_ record: RequestRecord) -> Int {
        state.withLock { state in
            state.records.append(record)
            return state.forgotten + state.records.count - 1
        }
    }

    func update(_ number: Int, _ change: (inout RequestRecord) -> Void) {
        state.withLock { state in
            guard number >= state.forgotten else { return }
            change(&state.records[number - state.forgotten])
        }
    }
}
