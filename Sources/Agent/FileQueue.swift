import FileIO
import Servables

/// The files of a version that wait to be fetched, in the table's order, and how many are being fetched. May be used by any thread.
final class FileQueue: Sendable {
    private struct State {
        var waiting: ArraySlice<Int>
        var running = 0
        var runningBytes: Int64 = 0
    }

    private let table: FileTable
    private let state: Lock<State>

    /// - Parameters:
    ///   - files: by the table's index.
    ///   - table: of the version.
    init(_ files: [Int], of table: FileTable) {
        self.table = table
        state = Lock(State(waiting: files[...]))
    }

    /// - Returns: the next file, if it may be fetched beside those that are.
    func begin() -> Int? { state.withLock { begin(&$0) } }

    /// A file is not being fetched any more.
    func end(_ index: Int) { state.withLock { end(index, &$0) } }

    /// Ends a file where the next one takes its place.
    /// - Returns: `nil`, without an end, where there are places besides: whoever gives them looks how many.
    func replace(_ index: Int) -> Int? {
        state.withLock { state in
            guard state.running == AgentSettings.filesAtOnce else { return nil }
            let before = state
            end(index, &state)
            guard let next = begin(&state) else {
                state = before
                return nil
            }
            return next
        }
    }

    private func begin(_ state: inout State) -> Int? {
        guard let index = state.waiting.first,
            AgentSettings.mayBegin(table.size(index), besides: state.running, of: state.runningBytes)
        else { return nil }
        state.waiting.removeFirst()
        state.running += 1
        state.runningBytes += table.size(index)
        return index
    }

    private func end(_ index: Int, _ state: inout State) {
        state.running -= 1
        state.runningBytes -= table.size(index)
    }
}
