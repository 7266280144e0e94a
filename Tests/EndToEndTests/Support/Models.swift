/// Models of the tests' own making.
enum Models {
    /// Bytes that look like no others: the same seed gives the same.
    static func noise(_ size: Int, seed: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: UInt64(truncatingIfNeeded: seed))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size + 8)
        while bytes.count < size { withUnsafeBytes(of: generator.next()) { bytes += $0 } }
        return Array(bytes.prefix(size))
    }

    /// A version as TensorFlow lays it out: a graph, variables, an asset; each file tells the version in its first line.
    /// - Parameters:
    ///   - number: of the version.
    ///   - size: of the variables, bytes.
    /// - Returns: content by path.
    static func version(_ number: Int, size: Int = 20_000) -> [String: [UInt8]] {
        func stamped(_ bytes: [UInt8]) -> [UInt8] { Array("version \(number)\n".utf8) + bytes }
        return [
            "saved_model.pb": stamped(noise(1_500, seed: number)),
            "variables/variables.index": stamped([]),
            "variables/variables.data-00000-of-00001": stamped(noise(size, seed: number &+ 1_000_000)),
            "assets/labels.txt": stamped(Array("cat\ndog\n".utf8)),
        ]
    }

    /// The size of all files together.
    static func bytes(_ files: [String: [UInt8]]) -> Int64 { Int64(files.values.map(\.count).reduce(0, +)) }

    /// Writes files below a directory, which appears by one rename when all are there.
    static func write(_ files: [String: [UInt8]], to directory: String) throws {
        let (parent, name) = directory.splitPath
        let part = "\(parent.splitPath.parent)/.part-\(name)"
        try removeTree(part)
        for (path, bytes) in files {
            let file = "\(part)/\(path)"
            try makeDirectory(file.splitPath.parent)
            try writeFile(file, bytes)
        }
        try makeDirectory(parent)
        try moveFile(part, to: directory)
    }
}

extension String {
    /// What stands before and after the last slash.
    var splitPath: (parent: String, name: String) {
        guard let slash = lastIndex(of: "/") else { return ("", self) }
        return (String(self[..<slash]), String(self[index(after: slash)...]))
    }
}

/// SplitMix64: pseudo-random numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
