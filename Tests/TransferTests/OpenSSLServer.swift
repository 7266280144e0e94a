import CLinux
import FileIO
import Glibc
import SystemPackage

/// `openssl s_server` on a port of the system's choice, with a certificate of its own making for `localhost` and `store.test`.
struct OpenSSLServer: Sendable {
    let port: Int
    /// PEM file; the certificate is its own authority.
    let certificate: String
    /// PEM file of the certificate's key.
    let key: String

    private static let command = "/usr/bin/openssl"

    static var isAvailable: Bool { access(command, X_OK) == 0 }

    /// Runs `body` beside the server, and ends the server.
    /// - Parameters:
    ///   - wantsCertificate: whether a client must show the server's own certificate.
    ///   - body: what is done meanwhile.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws, or where the command fails.
    static func run<R: Sendable>(wantsCertificate: Bool = false, _ body: (OpenSSLServer) async throws -> R) async throws -> R {
        try await withTemporaryDirectory { directory in
            let key = directory.appending("key.pem").string
            let certificate = directory.appending("certificate.pem").string
            let maker = try Child([
                command, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost,DNS:store.test",
            ])
            _ = maker.lines { _ in false }
            guard maker.wait() == 0 else { throw Errno.ioError }
            let asking = wantsCertificate ? ["-Verify", "1", "-verify_return_error", "-CAfile", certificate] : []
            let server = try Child(
                [command, "s_server", "-accept", "127.0.0.1:0", "-key", key, "-cert", certificate, "-www"] + asking)
            defer {
                kill(server.process, SIGKILL)
                _ = server.wait()
            }
            let line = server.lines { $0.hasPrefix("ACCEPT ") }
            guard let port = line?.split(separator: ":").last.flatMap({ Int($0) }) else { throw Errno.ioError }
            return try await body(OpenSSLServer(port: port, certificate: certificate, key: key))
        }
    }
}

/// A process whose output is read.
private struct Child {
    let process: pid_t
    private let output: CInt

    init(_ command: [String]) throws {
        var pipe: [CInt] = [0, 0]
        guard Glibc.pipe(&pipe) == 0 else { throw Errno(rawValue: errno) }
        for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipe[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        aspired_spawn_close_from(&actions, 3)
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let result = posix_spawn(&process, command[0], &actions, nil, &arguments, environ)
        Glibc.close(pipe[1])
        guard result == 0 else {
            Glibc.close(pipe[0])
            throw Errno(rawValue: result)
        }
        self.process = process
        output = pipe[0]
    }

    /// Reads lines until one is wanted or the output ends.
    func lines(until isWanted: (String) -> Bool) -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1 {
            if byte != UInt8(ascii: "\n") {
                line.append(byte)
            } else if isWanted(String(line)) {
                return String(line)
            } else {
                line = []
            }
        }
        return nil
    }

    /// - Returns: the exit status of a process that has ended by itself, something else otherwise.
    func wait() -> CInt {
        Glibc.close(output)
        var status: CInt = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return status
    }
}
