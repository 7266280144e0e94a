import Glibc

/// A folder of its own for a test, removed with all that is in it.
struct Scratch: Sendable {
    let path: String

    static func with<Result>(_ body: (Scratch) async throws -> Result) async throws -> Result {
        var template = Array("/tmp/s3-fixture-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ScratchError(description: "mkdtemp: \(errno)") }
        let scratch = Scratch(path: String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        defer { scratch.remove(scratch.path) }
        return try await body(scratch)
    }

    func write(_ name: String, _ data: [UInt8]) throws {
        let parts = name.split(separator: "/")
        for count in 1..<max(1, parts.count) { mkdir("\(path)/\(parts.prefix(count).joined(separator: "/"))", 0o755) }
        guard let file = fopen("\(path)/\(name)", "w") else { throw ScratchError(description: "\(name): \(errno)") }
        defer { fclose(file) }
        guard fwrite(data, 1, data.count, file) == data.count else { throw ScratchError(description: "\(name): \(errno)") }
    }

    /// Sets a file's or folder's modification time to an hour from now, always the same.
    func freezeTime(_ name: String, at now: time_t) {
        let time = timespec(tv_sec: now + 3600, tv_nsec: 0)
        utimensat(AT_FDCWD, "\(path)/\(name)", [time, time], 0)
    }

    private func remove(_ path: String) {
        if let stream = opendir(path) {
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
                let name = String(decoding: bytes, as: UTF8.self)
                if name != ".", name != ".." { remove("\(path)/\(name)") }
            }
        }
        Glibc.remove(path)
    }
}

struct ScratchError: Error, CustomStringConvertible {
    let description: String
}

/// A file's content, or `nil` if it cannot be read.
func contents(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var data: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { return data }
        data.append(contentsOf: buffer.prefix(count))
    }
}
