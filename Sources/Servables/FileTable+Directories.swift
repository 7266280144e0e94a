extension FileTable {
    /// The directories that the files need, and the empty ones, relative to the version's own; those above before those below.
    public var directories: [String] {
        var list: [String] = []
        var known: Set<String> = []
        func add(_ path: Substring) {
            guard !path.isEmpty, !known.contains(String(path)) else { return }
            if let slash = path.lastIndex(of: "/") { add(path[..<slash]) }
            known.insert(String(path))
            list.append(String(path))
        }
        for entry in self {
            if let slash = entry.path.lastIndex(of: "/") { add(entry.path[..<slash]) }
        }
        for path in emptyDirectories { add(path[...]) }
        return list
    }
}
