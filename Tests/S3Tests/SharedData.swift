import FileIO
import Glibc
import SystemPackage

/// The test data of other projects, which is not part of this one: tests that need it skip where it is absent.
enum SharedData {
    static let root: FilePath = {
        if let variable = getenv("ASPIRED_SHARED_DIR") { return FilePath(String(cString: variable)).appending("testdata") }
        let package = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        return package.removingLastComponent().appending("shared").appending("testdata")
    }()

    static let isPresent = access(root.appending("sigv4").string, R_OK) == 0

    static func bytes(_ path: String...) throws -> [UInt8] {
        try FileSystem().readFile(path.reduce(root) { $0.appending($1) }, limit: 4 << 20)
    }

    static func text(_ path: String...) throws -> String {
        String(decoding: try FileSystem().readFile(path.reduce(root) { $0.appending($1) }, limit: 4 << 20), as: UTF8.self)
    }

    static func names(in folder: String) -> [String] {
        guard let directory = opendir(root.appending(folder).string) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
