import ArgumentParser
import Glibc
import S3Fixture

/// Serves a folder as S3 until SIGTERM or SIGINT.
@main
struct S3FixtureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "s3-fixture",
        abstract: "A small S3 endpoint over a folder, for tests, demonstrations and benchmarks.",
        discussion: """
            DIR/BUCKET/KEY are the objects; files are looked at anew for each request. The first line on stdout is \
            "listening on http://HOST:PORT".

            A fault is ACTION[=VALUE][,on=OPERATION][,method=METHOD][,key=GLOB][,first=N][,times=N|all], with the actions delay=30ms, \
            status=503/SlowDown[/SIZE], cut=SIZE, reset=SIZE, stall=SIZE, flip-bit=OFFSET, ignore-range, header=NAME:VALUE, drop, \
            drop-reset, truncate-listing, repeat-token, rate=SIZE, replace=TEXT, and the operations \
            \(Operation.allCases.map(\.rawValue).joined(separator: ", ")).
            """)

    @Option(help: "The folder whose children are the buckets.")
    var root: String

    @Option(help: ArgumentHelp("Where to listen; port 0 lets the system choose.", valueName: "host:port"))
    var listen = "127.0.0.1:0"

    @Option(help: "The access key that is accepted.")
    var accessKey = FixtureCredentials.example.accessKey

    @Option(help: "Its secret key.")
    var secretKey = FixtureCredentials.example.secretKey

    @Option(help: "The session token that must come with it, if any.")
    var sessionToken: String?

    @Option(help: "The region that requests must be signed for.")
    var region = "us-east-1"

    @Flag(help: "Allow requests without a signature.")
    var anonymous = false

    @Option(help: "Checksums that objects have, from \(ChecksumKind.allCases.map(\.rawValue).joined(separator: ",")); or none.")
    var checksums = "crc64nvme"

    @Option(help: "Objects count as uploaded in parts of this size, if they have as much (8MiB).", transform: parsedByteCount)
    var partSize: Int?

    @Flag(help: "Checksums of what was uploaded in parts are of the parts' checksums.")
    var composite = false

    @Option(help: "Keys on a page of a listing at most.")
    var pageSize = 1000

    @Option(help: "BUCKET.DOMAIN as the request's host names its bucket.")
    var baseDomain = "localhost"

    @Option(help: "Waited before each answer.", transform: parsedDuration)
    var delay = Duration.zero

    @Option(help: "Bytes a second on each connection at most (90MB).", transform: parsedByteCount)
    var rate: Int?

    @Option(help: ArgumentHelp("A misbehaviour; repeatable.", valueName: "spec"), transform: parsedFault)
    var fault: [Fault] = []

    @Flag(help: "Read all files once before listening, so that no request waits for a first ETag.")
    var precompute = false

    func run() throws {
        let (host, port) = try address()
        let options = try options()
        // Before any thread exists, so that all inherit it and only `sigwait` gets the signals.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)
        let (root, faults, precompute) = (root, fault, precompute)
        Task {
            do {
                let server = try await FixtureServer.start(root: root, host: host, port: port, options: options)
                for fault in faults { server.script(fault) }
                if precompute { try await server.precomputeDigests() }
                print("listening on \(server.url)")
                fflush(nil)
            } catch {
                Array("s3-fixture: cannot listen on \(host):\(port): \(error)\n".utf8).withUnsafeBytes { message in
                    _ = write(STDERR_FILENO, message.baseAddress, message.count)
                }
                _exit(1)
            }
        }
        var received: CInt = 0
        sigwait(&signals, &received)
    }

    private func address() throws -> (host: String, port: Int) {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw ValidationError("--listen '\(listen)' is not HOST:PORT") }
        let host = listen[..<colon].filter { $0 != "[" && $0 != "]" }
        return (host.isEmpty ? "127.0.0.1" : host, port)
    }

    private func options() throws -> FixtureOptions {
        var options = FixtureOptions()
        options.credentials = [FixtureCredentials(accessKey: accessKey, secretKey: secretKey, sessionToken: sessionToken)]
        options.region = region
        options.anonymous = anonymous
        if let partSize, partSize > 0 { options.parts = UploadParts(sizes: [partSize], isComposite: composite) }
        options.pageSize = pageSize
        options.baseDomain = baseDomain
        options.delay = delay
        options.rate = rate
        options.checksums =
            checksums == "none"
            ? []
            : try checksums.split(separator: ",").map { name in
                guard let kind = ChecksumKind(rawValue: String(name)) else {
                    throw ValidationError("--checksums: no checksum is named '\(name)'")
                }
                return kind
            }
        return options
    }
}

@Sendable private func parsedDuration(_ text: String) throws -> Duration {
    guard let duration = Fault.duration(text) else { throw ValidationError("'\(text)' is no duration like 30ms or 2s") }
    return duration
}

@Sendable private func parsedByteCount(_ text: String) throws -> Int {
    guard let count = Fault.byteCount(text) else { throw ValidationError("'\(text)' is no size like 64KiB or 90MB") }
    return count
}

@Sendable private func parsedFault(_ text: String) throws -> Fault {
    do {
        return try Fault(parsing: text)
    } catch {
        throw ValidationError(error.description)
    }
}
