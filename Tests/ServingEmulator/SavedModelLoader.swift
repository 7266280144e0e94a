/// What the server makes of a version's folder.
enum SavedModelLoader {
    typealias Content = [String: ContentDigest]

    /// Reads what is in the folder at this moment.
    /// - Parameters:
    ///   - path: the version's folder.
    ///   - hasVariables: whether a folder without `variables/` counts as incomplete too.
    /// - Returns: what comes of it, and what was read.
    static func load(_ path: String, hasVariables: Bool) -> (outcome: LoadRecord.Outcome, content: Content) {
        var content: Content = [:]
        do throws(ServingStatus) {
            try readGraph(path, &content)
            let isInitialised = try readVariables(path, hasVariables: hasVariables, &content)
            // Assets and the rest are not checked, only remembered.
            for file in (try? Folder.files(below: path)) ?? [] where content[file] == nil {
                content[file] = try? digest(Folder.join(path, file))
            }
            return (isInitialised ? .loaded : .uninitialised, content)
        } catch {
            return (.failed(error), content)
        }
    }

    private static func readGraph(_ path: String, _ content: inout Content) throws(ServingStatus) {
        guard let name = ["saved_model.pb", "saved_model.pbtxt"].first(where: { Folder.exists(Folder.join(path, $0)) }) else {
            throw ServingStatus(
                .notFound,
                "Specified file path does not appear to contain a SavedModel bundle (should have a file called "
                    + "`saved_model.pb`)\nSpecified file path: \(path)")
        }
        let file = Folder.join(path, name)
        var isBad = false
        let digest = try digest(file) { first in isBad = first.starts(with: "bad".utf8) }
        content[name] = digest
        if isBad {
            throw ServingStatus(.dataLoss, "Can't parse \(file) as \(name == "saved_model.pb" ? "binary" : "text") proto")
        }
        // No bytes are a message too, one in which nothing is.
        if digest.size == 0 {
            throw ServingStatus(
                .notFound,
                "Could not find meta graph def matching supplied tags: { serve }. To inspect available tag-sets in the "
                    + "SavedModel, please use the SavedModel CLI: `saved_model_cli`")
        }
    }

    /// - Returns: whether the variables have values. Without an index the server takes it that there are no variables, and
    ///   restores nothing.
    private static func readVariables(
        _ path: String, hasVariables: Bool, _ content: inout Content
    ) throws(ServingStatus) -> Bool {
        let folder = Folder.join(path, "variables")
        let index = Folder.join(folder, "variables.index")
        guard Folder.exists(index) else { return !hasVariables && !Folder.exists(folder) }
        let digest = try digest(index)
        content["variables/variables.index"] = digest
        if digest.size == 0 {
            throw ServingStatus(.dataLoss, "Unable to open table file \(index): file is too short to be an sstable")
        }

        // The index says how many shards there are; here their own names have to.
        let counts = Set(try Folder.children(of: folder).compactMap(shardCount))
        for shard in counts.isEmpty ? [shardName(0, 1)] : counts.flatMap({ count in (0..<count).map { shardName($0, count) } }) {
            content["variables/\(shard)"] = try self.digest(Folder.join(folder, shard))
        }
        return true
    }

    /// The count in `variables.data-INDEX-of-COUNT`.
    private static func shardCount(_ name: String) -> Int? {
        guard name.hasPrefix("variables.data-") else { return nil }
        let parts = name.dropFirst("variables.data-".count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 5, parts[1] == "of", parts[2].utf8.count == 5 else { return nil }
        guard Int(parts[0]) != nil else { return nil }
        return Int(parts[2])
    }

    private static func shardName(_ index: Int, _ count: Int) -> String {
        func padded(_ number: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
        }
        return "variables.data-\(padded(index))-of-\(padded(count))"
    }

    private static func digest(
        _ path: String, first: (UnsafeRawBufferPointer) -> Void = { _ in }
    ) throws(ServingStatus) -> ContentDigest {
        var digest = ContentDigest()
        try Folder.read(path) { piece in
            if digest.size == 0 { first(piece) }
            digest.update(piece)
        }
        return digest
    }
}
