import Glibc
import S3Fixture
import Testing

/// Base paths in which others have left what they like, some of it in versions of ours. How many is the environment's to say
/// (`PRUNE_TREES`).
@Suite("Pruning takes nothing but versions of ours", .fewAtATime)
struct PruneSafetyTests {
    private static let trees = getenv("PRUNE_TREES").flatMap { Int(String(cString: $0)) } ?? 8

    /// What is named like a version, or almost.
    private static let almostVersions = [
        "0", "00", "5", "007", "01", "0000000000000000000002", "9223372036854775807", "9223372036854775808", "-1", "+1", "1 ",
        " 1",
        "1.0", "1e3", "0x7", "1_0", "１", "٣", "1\n", "1~", ".1", "1.tmp", "lost+found", "config.pbtxt", "latest", "\u{1b}[31m",
    ]
    private enum Kind: CaseIterable {
        case file, directory, locked, symlink, dangling, fifo, socket, device
    }

    @Test("whatever else lies in a base path, and in the versions that go, stays, and so does all that links lead to")
    func anyTree() async throws {
        for seed in 1...Self.trees { try await tree(seed) }
    }

    private func tree(_ seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        try await Site.with { site in
            for version in 1...3 { try site.put(version, size: 100) }
            #expect(try await site.aspired(["once"] + site.arguments(query: "ready=none&versions=all")).code == 0)
            let outside = "\(site.scratch)/outside"
            try Models.write(Models.version(99), to: outside)

            for name in Self.almostVersions where Bool.random(using: &random) {
                // A directory is what is most like a version.
                let kind = Bool.random(using: &random) ? .directory : Kind.allCases.randomElement(using: &random) ?? .file
                try make(kind, "\(site.base())/\(name)", outside)
            }
            // In what goes.
            for version in 1...3 {
                for kind in Kind.allCases where Bool.random(using: &random) {
                    let folder = Bool.random(using: &random) ? "variables/" : ""
                    try make(kind, "\(site.published(version))/\(folder)left-\(kind)", outside)
                }
            }
            let before = try FileTree(site.base()).entries.filter { entry in
                !(1...3).contains { entry.key == "\($0)" || entry.key.hasPrefix("\($0)/") }
            }
            let around = try FileTree(outside)

            for version in 1...3 { try site.withdraw(version) }
            try site.put(4, size: 100)
            let outcome = try await site.once()
            let place = "seed \(seed): \(outcome)"
            #expect(outcome.code == 0, "\(place)")
            let after = try FileTree(site.base()).entries
            #expect(after.filter { $0.key != "4" && !$0.key.hasPrefix("4/") } == before, "\(place)")
            #expect(try FileTree(site.published(4)).files == Models.version(4, size: 100), "\(place)")
            #expect(try FileTree(outside) == around, "\(place)")
            #expect(try names(in: "\(site.state)/trash") == [], "\(place)")
            // So that the scratch directory can be removed.
            for entry in before where entry.value.kind == .directory { chmod("\(site.base())/\(entry.key)", 0o755) }
        }
    }

    @Test(
        "what is mounted inside a version that goes is not touched, and said; it goes when nothing is mounted there any more",
        .enabled(if: SmallVolume.isPossible, SmallVolume.message), arguments: ["of the same file system", "of another", "a file"])
    func mountPoint(kind: String) async throws {
        try await Site.with { site in
            try site.put(1)
            #expect(try await site.once().code == 0)
            let outside = "\(site.scratch)/outside"
            // Without a directory, at which deletion might stop by chance.
            try Models.write(["saved_model.pb": Models.noise(100, seed: 1), "keep": Models.noise(100, seed: 2)], to: outside)
            let name = kind == "a file" ? "assets/labels.txt" : "variables"
            let source = kind == "a file" ? "\(outside)/saved_model.pb" : outside
            if kind == "of another" {
                guard mount("none", outside, "tmpfs", 0, "size=1m") == 0 else { throw SystemFault("mount", errno) }
                try writeFile("\(outside)/theirs", Array("of others".utf8))
            }
            defer { umount2(outside, CInt(MNT_DETACH)) }
            guard mount(source, "\(site.published(1))/\(name)", nil, UInt(MS_BIND), nil) == 0 else {
                throw SystemFault("mount", errno)
            }
            let before = try FileTree(outside)
            try site.put(2)
            let outcome = try await site.once()
            #expect(outcome.code == 0 && site.versions() == ["2"], "\(outcome)")
            #expect(try FileTree(outside) == before)
            #expect(outcome.errors.contains("unmount it"), "\(outcome)")

            let trash = "\(site.state)/trash"
            let left = try #require(try names(in: trash).first)
            umount2("\(trash)/\(left)/\(name)", CInt(MNT_DETACH))
            #expect(try await site.once().code == 0)
            #expect(try names(in: trash) == [] && FileTree(outside) == before)
        }
    }

    private func make(_ kind: Kind, _ path: String, _ outside: String) throws {
        func check(_ result: CInt) throws { guard result == 0 else { throw SystemFault("make \(path)", errno) } }
        switch kind {
        case .file: try writeFile(path, Array("of others".utf8))
        case .directory, .locked:
            try makeDirectory("\(path)/deep/er")
            try writeFile("\(path)/deep/file", Array("of others".utf8))
            try check(symlink(outside, "\(path)/deep/link"))
            if kind == .locked { try check(chmod("\(path)/deep", 0)) }
        case .symlink: try check(symlink(outside, path))
        case .dangling: try check(symlink("../nothing", path))
        case .fifo: try check(mkfifo(path, 0o600))
        case .socket, .device:
            // A device needs root.
            let isDevice = kind == .device && geteuid() == 0
            try check(mknod(path, (isDevice ? S_IFCHR : S_IFSOCK) | 0o600, isDevice ? 0x103 : 0))
        }
    }
}
