import Glibc
import S3Fixture
import Testing

/// A test's own world: an S3 endpoint over a folder, a volume, and the program set up to use them.
struct Site: Sendable {
    /// Everything is in here.
    let scratch: String
    let server: FixtureServer

    var root: String { "\(scratch)/volume" }
    var state: String { "\(root)/.aspired" }
    /// A bucket's folder.
    var bucket: String { "\(scratch)/s3/models" }

    func base(_ model: String = "mnist") -> String { "\(root)/\(model)" }
    func published(_ version: Int, of model: String = "mnist") -> String { "\(base(model))/\(version)" }

    /// What lies in a base path: the names of its entries.
    func versions(of model: String = "mnist") -> [String] { (try? names(in: base(model))) ?? [] }

    /// Waits until these versions, and no others, are in `mnist`'s base path.
    func wait(until agent: RunningAgent, holds versions: Int...) async throws {
        let wanted = versions.map(String.init)
        try await eventually("the volume holds \(wanted), not \(self.versions()):\n\(agent.errors.suffix(4_000))") {
            self.versions() == wanted
        }
    }

    // MARK: The program

    /// With the fixture's endpoint and key.
    var aspired: Aspired { Aspired(environment: Site.environment(endpoint: server.url)) }

    static func environment(endpoint: String, credentials: FixtureCredentials? = .example) -> [String: String] {
        // Nothing of this machine: no home directory with a profile, no proxy, no role of an instance.
        var environment = [
            "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        ]
        if let credentials {
            environment["AWS_ACCESS_KEY_ID"] = credentials.accessKey
            environment["AWS_SECRET_ACCESS_KEY"] = credentials.secretKey
            environment["AWS_SESSION_TOKEN"] = credentials.sessionToken
        }
        return environment
    }

    /// A `--timeout` that a test waits for in full. A machine that is busy with other tests has its first answer by
    /// then; with 1 s the time was over before it, and so was another cause.
    static let timeIsOver = "8s"

    /// `--root` and a model of the bucket.
    func arguments(_ model: String = "mnist", query: String = "ready=none", _ more: String...) -> [String] {
        ["--root", root, "--model", "\(model)=s3://models/\(model)?\(query)"] + more
    }

    func once(_ more: String...) async throws -> Aspired.Outcome { try await aspired(["once"] + arguments() + more) }

    // MARK: The bucket

    /// Puts a version into the bucket by one rename.
    func put(_ version: Int, of model: String = "mnist", _ files: [String: [UInt8]]) throws {
        try Models.write(files, to: "\(bucket)/\(model)/\(version)")
    }

    func put(_ version: Int, of model: String = "mnist", size: Int = 20_000) throws {
        try put(version, of: model, Models.version(version, size: size))
    }

    func withdraw(_ version: Int, of model: String = "mnist") throws {
        let hidden = "\(scratch)/s3/.gone-\(model)-\(version)"
        try moveFile("\(bucket)/\(model)/\(version)", to: hidden)
        try removeTree(hidden)
    }

    /// GETs of objects so far.
    var gets: [RequestRecord] { server.requests.filter { $0.operation == .get } }
    var lists: [RequestRecord] { server.requests.filter { $0.operation == .list } }

    /// A place in memory, where there is one.
    static let memory: String? = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil

    /// Runs `body` in a world of its own; `place`: where it lies, `nil` for where temporary files are.
    static func with<Result>(
        options: FixtureOptions = FixtureOptions(), in place: String? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (Site) async throws -> Result
    ) async throws -> Result {
        try await withScratch(under: place) { scratch in
            try makeDirectory("\(scratch)/s3/models")
            try makeDirectory("\(scratch)/volume")
            let server = try await FixtureServer.start(root: "\(scratch)/s3", options: options)
            do {
                let result = try await body(Site(scratch: scratch, server: server))
                await server.shutdown()
                return result
            } catch {
                await server.shutdown()
                throw error
            }
        }
    }
}
