import Servables
import Testing

@Suite("File tables")
struct FileTableTests {
    private func entry(_ path: String, _ size: Int64 = 1, tag: String = "t", at seconds: Int64 = 0) -> FileEntry {
        FileEntry(path: path, size: size, tag: tag, modified: Timestamp(secondsSinceEpoch: seconds, nanoseconds: 5))
    }

    private func table(_ entries: [FileEntry], empty: [String] = []) -> FileTable {
        var table = FileTable()
        for entry in entries { table.append(entry) }
        for path in empty { table.appendEmptyDirectory(path) }
        return table
    }

    @Test("A table gives back what was put in, in order")
    func keepsEntries() {
        let entries = [
            entry("a", 0, tag: ""), entry("ü/日本", 7, tag: "\"x\"", at: 9), entry("", 3, tag: ""), entry("z/é", 1 << 40, at: -4),
        ]
        let made = table(entries)
        #expect(Array(made) == entries)
        #expect(made.indices.map { made[$0] } == entries)
        #expect(made.indices.map { Array(made.pathBytes($0)) } == entries.map { Array($0.path.utf8) })
        #expect(made.count == 4)
        #expect(made.totalSize == 10 + 1 << 40)
        #expect(made.newest == entries[1].modified)
    }

    @Test("An empty table has no newest file")
    func empty() {
        #expect(FileTable().isEmpty)
        #expect(FileTable().newest == nil)
        #expect(Array(FileTable()).isEmpty)
    }

    @Test("Tables are equal when the source would give the same bytes")
    func equality() {
        let base = table([entry("a", 1, tag: "x"), entry("b", 2)], empty: ["d"])
        #expect(base == table([entry("a", 1, tag: "x"), entry("b", 2)], empty: ["d"]))
        #expect(base != table([entry("b", 2), entry("a", 1, tag: "x")], empty: ["d"]))
        #expect(base != table([entry("a", 1, tag: "y"), entry("b", 2)], empty: ["d"]))
        #expect(base != table([entry("a", 2, tag: "x"), entry("b", 2)], empty: ["d"]))
        #expect(base != table([entry("a", 1, tag: "x"), entry("b", 2, at: 1)], empty: ["d"]))
        #expect(base != table([entry("a", 1, tag: "x"), entry("b", 2)]))
        // The same bytes in the arena, cut elsewhere.
        #expect(table([entry("ab", tag: "c")]) != table([entry("a", tag: "bc")]))
    }

    @Test("Sizes that no disk could hold do not overflow their sum")
    func saturates() {
        let made = table([entry("a", Int64.max), entry("b", Int64.max), entry("c", 5)])
        #expect(made.totalSize == 1 << 60)
        #expect(made[0].size == Int64.max)
    }
}
