import Servables

/// What a listing holds of a SavedModel, at its top or in Triton's `model.savedmodel/`.
struct SavedModelFiles {
    /// Where it is: empty, or ends with a slash.
    let directory: String
    /// Whether anything of a SavedModel is there.
    private(set) var isAny = false
    private(set) var binary: FileEntry?
    private(set) var text: FileEntry?
    private(set) var hasChunked = false
    private var hasIndex = false
    /// The numbers of the shards that are there, by how many there shall be, as the names say.
    private var shards: [Int: Set<Int>] = [:]
    private var assets: Set<[UInt8]> = []

    static let directories = ["", "model.savedmodel/"]

    init(in directory: String, of table: FileTable) {
        self.directory = directory
        for entry in table { if let name = below(directory, entry.path) { add(entry, name) } }
        for path in table.emptyDirectories {
            if let name = below(directory, path), name == "variables" || name == "assets" { isAny = true }
        }
    }

    /// Whether there is a graph file.
    var hasGraph: Bool { binary != nil || text != nil || hasChunked }

    private mutating func add(_ entry: FileEntry, _ name: String) {
        if let variable = below("variables/", name) {
            isAny = true
            if variable == "variables.index" { hasIndex = true }
            if let (number, count) = shard(variable) { shards[count, default: []].insert(number) }
        } else if let asset = below("assets/", name) {
            isAny = true
            assets.insert(Array(asset.utf8))
        } else if !name.utf8.contains(UInt8(ascii: "/")) {
            if name.utf8.starts(with: "saved_model.".utf8) || name == "fingerprint.pb" { isAny = true }
            switch name {
            case "saved_model.pb": binary = entry
            case "saved_model.pbtxt": text = entry
            case "saved_model.cpb": hasChunked = true
            default: break
            }
        }
    }

    /// What is missing of what the graph asks for.
    /// - `needs`: `nil` where the graph file cannot be asked: what is there of the variables must be complete then.
    func missing(_ needs: SavedModelNeeds?) -> [String] {
        var missing: [String] = []
        if needs?.needsVariables ?? (hasIndex || !shards.isEmpty) {
            if !hasIndex { missing.append("variables/variables.index") }
            if shards.isEmpty { missing.append("variables/variables.data-00000-of-?????") }
            for (count, numbers) in shards.sorted(by: { $0.key < $1.key }) where numbers.count < count {
                // The first will do: an upload brings many.
                if let first = (0..<count).first(where: { !numbers.contains($0) }) {
                    missing.append("variables/variables.data-\(fiveDigits(first))-of-\(fiveDigits(count))")
                }
            }
        }
        let absent = (needs?.assets ?? []).subtracting(assets)
        missing += absent.map { "assets/" + PathRules.printable(String(decoding: $0, as: UTF8.self)) }.sorted()
        return missing.map { directory + $0 }
    }

    /// The number of a shard and of how many, as `variables.data-00001-of-00004` says them.
    private func shard(_ name: String) -> (number: Int, count: Int)? {
        guard let rest = below("variables.data-", name) else { return nil }
        let parts = rest.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1] == "of", let number = wholeNumber(parts[0]), let count = wholeNumber(parts[2]),
            number < count
        else { return nil }
        return (number, count)
    }

    private func wholeNumber(_ text: Substring) -> Int? {
        guard text.utf8.count >= 5, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    private func fiveDigits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}

/// What stands behind `prefix` in `path`, byte for byte.
private func below(_ prefix: String, _ path: String) -> String? {
    guard path.utf8.starts(with: prefix.utf8) else { return nil }
    return String(decoding: path.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
}
