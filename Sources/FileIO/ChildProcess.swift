import CLinux
import Glibc
public import SystemPackage

/// A program that is run for what it prints: in a process group of its own, with default signals, without our descriptors, with
/// nothing to read, and with bounds on its time and its output.
public struct ChildProcess: Sendable {
    /// How it ended.
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
        /// It was killed by us, with all of its group.
        case tookTooLong
        /// The same.
        case printedTooMuch
    }

    public struct Outcome: Sendable {
        public let ending: Ending
        /// Standard output.
        public let output: [UInt8]
        /// The beginning of standard error.
        public let errors: [UInt8]
    }

    /// What is kept of standard error.
    private static let errorLimit = 4 << 10

    private let command: [String]
    private let environment: [String: String]
    private let timeLimit: Duration
    private let outputLimit: Int

    /// - Parameters:
    ///   - command: the program, by path or as a name to be found in `PATH`, and its arguments.
    ///   - environment: all of it; nothing is inherited.
    ///   - timeLimit: from its start to its end.
    ///   - outputLimit: bytes of standard output.
    public init(_ command: [String], environment: [String: String], timeLimit: Duration, outputLimit: Int) {
        self.command = command
        self.environment = environment
        self.timeLimit = timeLimit
        self.outputLimit = outputLimit
    }

    /// Runs it on a thread of its own.
    /// - Throws: where it cannot be started.
    public func run() async throws(Errno) -> Outcome {
        try await WorkerThread(name: "aspired-child").run { () throws(Errno) in try runBlocking() }
    }

    private func runBlocking() throws(Errno) -> Outcome {
        let deadline = SystemTimeSource().uptime() + timeLimit
        let output = try Pipe()
        let errors = try Pipe()
        let child = try Self.start(command, environment: environment, output: output.writer, errors: errors.writer)
        output.closeWriter()
        errors.closeWriter()
        var printed: [UInt8] = []
        var complained: [UInt8] = []
        var forced: Ending?
        var status: CInt = 0
        var hasEnded = false
        while true {
            var isOpen = false
            if output.read(into: &printed, keeping: outputLimit + 1) { isOpen = true }
            if errors.read(into: &complained, keeping: Self.errorLimit) { isOpen = true }
            // What it has started and left behind may hold the pipes open for ever.
            if hasEnded { break }
            hasEnded = waitpid(child, &status, WNOHANG) == child
            if hasEnded { continue }
            let left = deadline - SystemTimeSource().uptime()
            if printed.count > outputLimit { forced = .printedTooMuch } else if left <= .zero { forced = .tookTooLong }
            if forced != nil {
                kill(-child, SIGKILL)
                while waitpid(child, &status, 0) < 0, errno == EINTR {}
                break
            }
            Self.wait(isOpen ? [output.reader, errors.reader] : [], atMost: left)
        }
        if printed.count > outputLimit { forced = forced ?? .printedTooMuch }
        return Outcome(ending: forced ?? Ending(status: status), output: printed, errors: complained)
    }

    /// Starts a program in a process group of its own, with default signals, nothing to read, and no descriptor of ours but these two.
    /// - Parameters:
    ///   - command: the program, by path or as a name to be found in `PATH`, and its arguments.
    ///   - environment: all of it; nothing is inherited.
    ///   - output: for its standard output.
    ///   - errors: for its standard error.
    /// - Returns: its process id, which is its group's, too.
    /// - Throws: where it cannot be started.
    public static func start(
        _ command: [String], environment: [String: String], output: Int32, errors: Int32
    ) throws(Errno) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        aspired_spawn_close_from(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var child: pid_t = 0
        guard let program = command.first else { throw .invalidArgument }
        let result = posix_spawnp(&child, program, &actions, &attributes, &arguments, &variables)
        guard result == 0 else { throw Errno(rawValue: result) }
        return child
    }

    /// Until one of them has something to say. Its end makes them so; where it has closed them before, or left them to others,
    /// that is looked for again soon.
    private static func wait(_ descriptors: [CInt], atMost left: Duration) {
        var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let slice = min(left, .milliseconds(20))
        poll(&entries, nfds_t(entries.count), CInt(slice / .milliseconds(1)) + 1)
    }
}

extension ChildProcess.Ending {
    fileprivate init(status: CInt) {
        self = status & 0x7F == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: status & 0x7F)
    }
}

/// A pipe whose reading end does not block.
private struct Pipe: ~Copyable {
    let reader: CInt
    let writer: CInt
    private let isWriterOpen = Lock(true)

    init() throws(Errno) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
        (reader, writer) = (ends[0], ends[1])
        // A child that is started meanwhile closes what it inherits (posix_spawn_file_actions_addclosefrom_np).
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(reader, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(reader)
        closeWriter()
    }

    borrowing func closeWriter() {
        isWriterOpen.withLock { isOpen in
            if isOpen { close(writer) }
            isOpen = false
        }
    }

    /// Takes what is there; beyond `limit` bytes it is dropped.
    /// - Returns: whether more may come.
    borrowing func read(into bytes: inout [UInt8], keeping limit: Int) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        // A bound to one look: a program that prints faster than we read must not outrun its time limit.
        for _ in 0..<64 {
            let count = Glibc.read(reader, &chunk, chunk.count)
            if count == 0 { return false }
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN
            }
            bytes += chunk.prefix(min(count, max(0, limit - bytes.count)))
        }
        return true
    }
}
