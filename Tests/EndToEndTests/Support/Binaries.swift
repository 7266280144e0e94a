import Glibc

/// Where the programs are that the tests start.
enum Binaries {
    /// The `aspired` of `ASPIRED_BINARY`, else the one that was built beside these tests.
    static let aspired: String = variable("ASPIRED_BINARY") ?? "\(buildFolder)/aspired"
    static let fixture = "\(buildFolder)/s3-fixture"

    /// The folder of the test bundle that this process runs.
    private static let buildFolder: String = {
        // The bundle is mapped into this process, which may be a runner of the toolchain.
        let maps = (try? readFile("/proc/self/maps")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let bundle = maps.split(separator: "\n").lazy.compactMap { line in
            line.firstIndex(of: "/").map { String(line[$0...]) }
        }.first { $0.hasSuffix(".xctest") }
        guard let bundle, let slash = bundle.lastIndex(of: "/") else { return "\(packageRoot)/.build/debug" }
        return String(bundle[..<slash])
    }()

    static let packageRoot: String = {
        // Tests/EndToEndTests/Support/Binaries.swift
        #filePath.split(separator: "/").dropLast(4).reduce(into: "") { $0 += "/\($1)" }
    }()

    static let path = variable("PATH") ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// A program in PATH or among the tools that `make tools` installs; `nil` if it is missing.
    static func tool(_ name: String) -> String? {
        (["\(packageRoot)/.build/tools/bin"] + path.split(separator: ":").map(String.init))
            .map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 && !isShim($0) }
    }

    /// pyenv's shims are there for programs that no active Python has.
    private static func isShim(_ path: String) -> Bool { path.contains("/shims/") }

    /// Models that TensorFlow Serving's own tests use; `nil` where there are none.
    static let sharedModels: String? = {
        let shared = variable("ASPIRED_SHARED_DIR") ?? "\(packageRoot)/../shared"
        let models = "\(shared)/testdata/savedmodel"
        return exists(models) ? models : nil
    }()

    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    static var isRoot: Bool { geteuid() == 0 }
}
