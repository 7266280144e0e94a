@preconcurrency import Glibc

/// Everything that a process is given at its start; passed in, so that tests give their own.
struct CommandLineInputs: Sendable {
    /// Without the program's name.
    var arguments: [String]
    var environment: [String: String]
    /// Absolute; relative paths of flags and variables start here.
    var workingDirectory: String
    /// Whether standard error is a terminal: there the log is text, and `once` shows its progress.
    var isErrorTerminal: Bool

    /// Those of this process. Nothing else in the program reads them.
    static func ofProcess() -> CommandLineInputs {
        CommandLineInputs(
            arguments: Array(CommandLine.arguments.dropFirst()), environment: processEnvironment(),
            workingDirectory: processDirectory(), isErrorTerminal: isatty(2) == 1)
    }

    private static func processEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = environ
        while let entry = next?.pointee {
            let pair = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2, variables[String(pair[0])] == nil { variables[String(pair[0])] = String(pair[1]) }
            next = next?.successor()
        }
        return variables
    }

    /// The width of the terminal on standard error; it may change at any time.
    static func errorTerminalWidth() -> Int {
        var size = winsize()
        let isKnown = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return isKnown ? Int(size.ws_col) : 80
    }

    /// A working directory that was removed has no name: then paths start at the root.
    private static func processDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}
