import Testing

/// `inotifywait` on a directory, in a process of its own.
struct EventWatch: Sendable {
    private let process: ChildProcess

    static let isInstalled = Binaries.tool("inotifywait") != nil
    static let message: Comment = "inotifywait is missing: `make deps` installs inotify-tools"

    /// The events so far, in order, as `MOVED_TO,ISDIR 7`.
    var events: [String] { process.outputText.split(separator: "\n").map(String.init) }

    /// Runs `body` beside a watch of everything that changes in `directory` itself.
    static func with<Result>(
        _ directory: String, isolation: isolated (any Actor)? = #isolation, _ body: (EventWatch) async throws -> Result
    ) async throws -> Result {
        let command = [
            Binaries.tool("inotifywait") ?? "inotifywait", "--monitor", "--format", "%e %f", "--event",
            "create,delete,modify,attrib,move,close_write,delete_self,move_self", directory,
        ]
        return try await ChildProcess.with(command, environment: ["PATH": Binaries.path]) { process in
            try await eventually("inotifywait watches: \(process.errorText)") {
                process.errorText.contains("Watches established")
            }
            return try await body(EventWatch(process: process))
        }
    }
}
