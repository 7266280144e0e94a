import SystemPackage

/// Where a command writes: results to standard output, everything else to standard error.
struct CommandOutput: Sendable {
    /// Takes whole lines, the line break included.
    /// - Throws: when they cannot be written: a result that is cut off must not look like one.
    var result: @Sendable (String) throws -> Void
    /// Takes one line without its line break; a line that cannot be written is lost.
    var error: @Sendable (String) -> Void
    /// The descriptor that log lines go to.
    var log: CInt = 2

    static let process = CommandOutput(
        result: { text in _ = try FileDescriptor.standardOutput.writeAll(text.utf8) },
        error: { line in _ = try? FileDescriptor.standardError.writeAll((line + "\n").utf8) })
}
