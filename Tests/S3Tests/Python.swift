import CLinux
import FileIO
import Glibc
import SystemPackage

/// The Python that `make tools` sets up, else the machine's.
enum Python {
    private static let command: String = {
        let package = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        let own = package.appending(".build/tools/bin/python3").string
        return access(own, X_OK) == 0 ? own : "/usr/bin/python3"
    }()
    private static let worker = WorkerThread(name: "test-python")

    /// Whether botocore can be had.
    static let hasBotocore = status(of: ["-c", "import botocore"], output: "/dev/null") == 0

    /// Runs a script with arguments.
    /// - Returns: what it wrote.
    static func run(_ script: FilePath, _ arguments: [String]) async throws -> [UInt8] {
        try await worker.run { () throws -> [UInt8] in
            var template = Array("/tmp/aspired-python-XXXXXX".utf8CString)
            let descriptor = mkstemp(&template)
            guard descriptor >= 0, let path = FilePath(platformString: template) as FilePath? else {
                throw Errno(rawValue: errno)
            }
            close(descriptor)
            defer { unlink(path.string) }
            guard status(of: [script.string] + arguments, output: path.string) == 0 else { throw Errno.ioError }
            return try FileSystem().readFile(path, limit: 64 << 20)
        }
    }

    private static func status(of arguments: [String], output: String) -> CInt {
        var words: [UnsafeMutablePointer<CChar>?] = ([command] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_TRUNC, 0)
        // Else the child would keep the sockets of other tests open.
        aspired_spawn_close_from(&actions, 3)
        var process: pid_t = 0
        guard posix_spawn(&process, command, &actions, nil, &words, environ) == 0 else { return 127 }
        var status: CInt = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return status
    }
}
