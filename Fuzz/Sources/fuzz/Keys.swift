@testable import ModelSources
@testable import S3
@testable import Servables

/// Keys of a version, a line each: what is taken stays in its box (CONTRACT P10).
@Sendable func fuzzKeys(_ input: UnsafeRawBufferPointer) {
    let prefix = "mnist/1/"
    var listing = KeyListing(location: "s3://models/mnist/1", prefix: prefix, marker: nil)
    for line in input.split(separator: UInt8(ascii: "\n"), maxSplits: 200) {
        guard let text = String(validating: line, as: UTF8.self) else { continue }
        let size = Int64(text.utf8.count % 3)
        listing.add(ListedObject(key: prefix + text, size: size, etag: "\"e\"", lastModified: nil))
    }
    guard let table = try? listing.finish().table else { return }
    var paths: Set<[UInt8]> = []
    for path in table.map(\.path) + table.emptyDirectories {
        let bytes = Array(path.utf8)
        check(!bytes.isEmpty && bytes.count <= PathRules.longestPath, "a path is too long, or empty")
        check(!bytes.contains { $0 < 0x20 || $0 == 0x7F }, "a path has a control character")
        for part in bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            check(!part.isEmpty && part.count <= PathRules.longestComponent, "a component is too long, or empty")
            check(!part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8), "a path leaves its version")
        }
    }
    for path in table.map(\.path) { check(paths.insert(Array(path.utf8)).inserted, "a path comes twice") }
    for path in paths {
        for index in path.indices where path[index] == UInt8(ascii: "/") {
            check(!paths.contains(Array(path[..<index])), "a path is a file and a directory")
        }
    }
}
