import Glibc

/// A folder of its own for a test, removed with all that is in it.
struct Scratch: Sendable {
    let path: String

    static func with<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: (Scratch) async throws -> Result
    ) async throws -> Result {
        var template = Array("/tmp/serving-emulator-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ScratchError(description: "mkdtemp: \(errno)") }
        let scratch = Scratch(path: String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        defer { scratch.removeAll(scratch.path) }
        return try await body(scratch)
    }

    subscript(_ name: String) -> String { "\(path)/\(name)" }

    /// Makes a folder and those above it.
    func folder(_ name: String) throws {
        let parts = name.split(separator: "/")
        for count in 1...parts.count {
            let path = self[parts.prefix(count).joined(separator: "/")]
            guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw ScratchError(description: "\(path): \(errno)") }
        }
    }

    func folders(_ names: String...) throws { for name in names { try folder(name) } }

    func write(_ name: String, _ text: String) throws {
        if let slash = name.lastIndex(of: "/") { try folder(String(name[..<slash])) }
        guard let file = fopen(self[name], "w") else { throw ScratchError(description: "\(name): \(errno)") }
        defer { fclose(file) }
        let data = Array(text.utf8)
        guard fwrite(data, 1, data.count, file) == data.count else { throw ScratchError(description: "\(name): \(errno)") }
    }

    /// A version that loads: its graph says `content`.
    func version(_ name: String, _ content: String = "graph") throws { try write("\(name)/saved_model.pb", content) }

    /// The same at once, for a server that looks all the time.
    func publish(_ name: String, _ content: String = "graph") throws {
        try version("staged", content)
        try rename("staged", to: name)
    }

    func rename(_ name: String, to other: String) throws {
        guard Glibc.rename(self[name], self[other]) == 0 else { throw ScratchError(description: "\(name): \(errno)") }
    }

    func link(_ name: String, to target: String) throws {
        guard symlink(target, self[name]) == 0 else { throw ScratchError(description: "\(name): \(errno)") }
    }

    func remove(_ name: String) { removeAll(self[name]) }

    private func removeAll(_ path: String) {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, let stream = opendir(path) {
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
                let name = String(decoding: bytes, as: UTF8.self)
                if name != ".", name != ".." { removeAll("\(path)/\(name)") }
            }
        }
        Glibc.remove(path)
    }
}

struct ScratchError: Error, CustomStringConvertible {
    let description: String
}
