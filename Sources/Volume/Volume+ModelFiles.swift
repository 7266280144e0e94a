public import FileIO
import PlainJSON
public import Servables
import SystemPackage

/// The files of a model beside its versions (`--model-files`), by name: which content of each is where.
public struct ModelFiles: Hashable, Sendable {
    /// One content of a file.
    public struct Content: Hashable, Sendable {
        /// The source's change token of it; empty for what somebody else put there.
        public let tag: String
        /// It moves by renames alone, and so keeps these. A number of one that is gone may be another's soon.
        let file: Identity
    }

    /// What tells a file from others of its name, and from itself once it was written to.
    struct Identity: Hashable, Sendable {
        let inode: UInt64
        let modified: Timestamp

        init(inode: UInt64, modified: Timestamp) {
            self.inode = inode
            self.modified = modified
        }

        init(_ status: FileStatus) { self.init(inode: status.inode, modified: status.modified) }
    }

    /// In the base path, by us.
    public internal(set) var inPlace: [String: Content] = [:]
    /// Fetched, verified and synced, and not yet in the base path.
    public internal(set) var ready: [String: Content] = [:]
    /// What was in the base path before, kept for as long as it may have to be put back.
    public internal(set) var former: [String: Content] = [:]
    /// What was in the base path until the former was put back.
    public internal(set) var refused: [String: Refusal] = [:]

    /// A content that the server could not load a model with.
    public struct Refusal: Hashable, Sendable {
        /// The source's change token of it.
        public let tag: String
        /// When each version was published that was on the volume then: beside these it is not to come in again.
        public let versions: Set<Timestamp>
    }

    public init() {}
}

// They lie in the state directory until a rename puts each in place, and the record says which content is to be found where by then:
// its inode tells whether that rename was done, so that a process that dies leaves nothing in doubt.
extension Volume {
    /// What is there of a model's files. What is in the base path and is not what we put there, counts as not there.
    /// - Parameter model: its name.
    /// - Returns: nothing where nothing was ever taken.
    /// - Throws: where the volume cannot be read.
    public func modelFiles(_ model: String) throws(VolumeError) -> ModelFiles {
        try doing("look at the files of \(model)") { () throws(FileError) in try found(model) }
    }

    private func found(_ model: String) throws(FileError) -> ModelFiles {
        var files = try recorded(model)
        for name in Set(files.inPlace.keys).union(files.ready.keys).union(files.former.keys) {
            let base = try identity(layout.base(model).appending(name))
            if let content = files.ready[name], try identity(layout.modelFile(model, .ready, name)) != content.file {
                files.ready[name] = nil
                if base == content.file { files.inPlace[name] = content }
            }
            if let content = files.former[name], try identity(layout.modelFile(model, .former, name)) != content.file {
                files.former[name] = nil
                if base == content.file { files.inPlace[name] = content }
            }
            if files.inPlace[name]?.file != base { files.inPlace[name] = nil }
        }
        return files
    }

    /// - Returns: `nil` where there is no regular file.
    private func identity(_ path: FilePath) throws(FileError) -> ModelFiles.Identity? {
        guard let status = try fileSystem.status(path), status.kind == .file else { return nil }
        return ModelFiles.Identity(status)
    }

    /// Begins a file, anew if it was begun before.
    /// - Parameters:
    ///   - model: its name.
    ///   - entry: what its source lists.
    /// - Returns: where its bytes go.
    /// - Throws: where the disk would not take it.
    public func stageModelFile(_ model: String, _ entry: FileEntry) throws(VolumeError) -> StagedFile {
        let path = layout.modelFile(model, .new, entry.path)
        return try doing("stage \(path)") { () throws(FileError) in
            try makeModelFiles(model)
            return try StagedFile(path: path, size: entry.size, fileSystem: fileSystem, reader: reader)
        }
    }

    /// Makes a file durable that is whole and verified: it can be put in place.
    /// - Parameters:
    ///   - model: its name.
    ///   - entry: what was staged.
    /// - Throws: where the disk would not take it; it is fetched anew then.
    public func readyModelFile(_ model: String, _ entry: FileEntry) throws(VolumeError) {
        let path = layout.modelFile(model, .new, entry.path)
        try doing("sync \(path)") { () throws(FileError) in
            let file = try fileSystem.open(path, .readWrite)
            try file.setMode(settings.fileMode)
            try file.sync()
            let content = ModelFiles.Content(tag: entry.tag, file: ModelFiles.Identity(try file.status()))
            var files = try found(model)
            try fileSystem.renameReplacing(path, layout.modelFile(model, .ready, entry.path))
            try fileSystem.syncDirectory(layout.modelFiles(model, .ready))
            files.ready[entry.path] = content
            try record(files, model)
        }
    }

    /// Puts what is ready into the base path, each by one rename over what was there.
    /// - Parameters:
    ///   - model: its name.
    ///   - keepsFormer: what is replaced is kept, unless an earlier one is.
    /// - Returns: the names of those that came in.
    /// - Throws: `occupied` where a directory, a symlink or the like has the name: it is left alone.
    public func putModelFiles(_ model: String, keepsFormer: Bool) throws(VolumeError) -> [String] {
        let base = layout.base(model)
        return try doing("put the files of \(model) into \(base)", or: { $0.errno == .isDirectory ? .occupied($0.path) : nil }) {
            () throws(FileError) in
            var files = try found(model)
            let names = files.ready.keys.sorted()
            for name in names {
                let (place, kept) = (base.appending(name), layout.modelFile(model, .former, name))
                let status = try fileSystem.status(place)
                guard status?.kind ?? .file == .file else { throw FileError(FileOperation.rename.rawValue, place, .isDirectory) }
                if keepsFormer, let status, files.former[name] == nil {
                    try fileSystem.removeFile(kept)
                    // Another's file cannot be linked everywhere: then it cannot be put back.
                    if (try? fileSystem.link(place, as: kept)) != nil {
                        try fileSystem.syncDirectory(layout.modelFiles(model, .former))
                        files.former[name] = files.inPlace[name] ?? ModelFiles.Content(tag: "", file: ModelFiles.Identity(status))
                        try record(files, model)
                    }
                }
                try fileSystem.renameReplacing(layout.modelFile(model, .ready, name), place)
                files.inPlace[name] = files.ready.removeValue(forKey: name)
                files.refused[name] = nil
            }
            try fileSystem.syncDirectory(base)
            try record(files, model)
            return names
        }
    }

    /// Forgets what was replaced: it need not be put back any more.
    public func forgetFormerModelFiles(_ model: String) throws(VolumeError) {
        try doing("clear up \(layout.modelFiles(model))") { () throws(FileError) in
            var files = try found(model)
            let names = files.former.keys
            files.former = [:]
            try record(files, model)
            for name in names { try fileSystem.removeFile(layout.modelFile(model, .former, name)) }
        }
    }

    /// Puts back what was replaced, each file by one rename, and notes what was in place instead as refused.
    /// - Parameters:
    ///   - model: its name.
    ///   - versions: when each version was published that is on the volume.
    /// - Returns: the names of what was put back.
    /// - Throws: where the volume would not take it; it can be tried again.
    public func putBackModelFiles(_ model: String, beside versions: Set<Timestamp>) throws(VolumeError) -> [String] {
        try doing("put back the files of \(model)") { () throws(FileError) in
            var files = try found(model)
            let names = files.former.keys.sorted()
            // First: what was put back before a kill is refused all the same.
            for name in names {
                if let tag = files.inPlace[name]?.tag { files.refused[name] = ModelFiles.Refusal(tag: tag, versions: versions) }
            }
            if !names.isEmpty { try record(files, model) }
            for name in names {
                try fileSystem.renameReplacing(layout.modelFile(model, .former, name), layout.base(model).appending(name))
                files.inPlace[name] = files.former.removeValue(forKey: name)
            }
            try fileSystem.syncDirectory(layout.base(model))
            try record(files, model)
            return names
        }
    }

    /// Has a base path that is about to come in bring what is ready.
    func addModelFiles(_ model: String, to base: FilePath) throws(FileError) {
        for name in try found(model).ready.keys {
            try fileSystem.renameReplacing(layout.modelFile(model, .ready, name), base.appending(name))
        }
    }

    /// Takes our files of a model out of its base path, and forgets them.
    func removeModelFiles(_ model: String) throws(FileError) {
        for name in try found(model).inPlace.keys { try fileSystem.removeFile(layout.base(model).appending(name)) }
        try moveToTrash(layout.modelFiles(model), label: "\(model)-files")
    }

    // MARK: - The record

    private func makeModelFiles(_ model: String) throws(FileError) {
        var parent = layout.state
        let paths = [layout.modelFiles, layout.modelFiles(model)] + ModelFilesPlace.allCases.map { layout.modelFiles(model, $0) }
        for path in paths {
            if let status = try fileSystem.status(path), status.kind != .directory { try moveToTrash(path, label: "files") }
            if path != layout.modelFiles { parent = path.removingLastComponent() }
            if try fileSystem.makeDirectory(path, mode: 0o755) { try fileSystem.syncDirectory(parent) }
        }
    }

    private static let recordLimit = 1 << 20

    /// - Returns: nothing where it cannot be understood: all is fetched anew then.
    private func recorded(_ model: String) throws(FileError) -> ModelFiles {
        let path = layout.modelFilesRecord(model)
        guard try fileSystem.status(path)?.kind == .file else { return ModelFiles() }
        guard let json = try? JSON(parsing: try fileSystem.readFile(path, limit: Self.recordLimit)) else { return ModelFiles() }
        var files = ModelFiles()
        (files.inPlace, files.ready, files.former) = (
            contents(json["inPlace"]), contents(json["ready"]), contents(json["former"])
        )
        for member in json["refused"]?.object ?? [] {
            guard let tag = member.value["tag"]?.string else { continue }
            let versions = (member.value["versions"]?.array ?? []).compactMap(timestamp)
            files.refused[member.key] = ModelFiles.Refusal(tag: tag, versions: Set(versions))
        }
        return files
    }

    private func contents(_ json: JSON?) -> [String: ModelFiles.Content] {
        var contents: [String: ModelFiles.Content] = [:]
        for member in json?.object ?? [] {
            guard PathRules.fault(of: member.key) == nil, !member.key.utf8.contains(UInt8(ascii: "/")),
                let tag = member.value["tag"]?.string, let inode = member.value["inode"]?.string.flatMap({ UInt64($0) }),
                let modified = member.value["modified"].flatMap(timestamp)
            else { continue }
            contents[member.key] = ModelFiles.Content(tag: tag, file: ModelFiles.Identity(inode: inode, modified: modified))
        }
        return contents
    }

    private func timestamp(_ json: JSON) -> Timestamp? {
        guard let seconds = json[0]?.integer, let nanoseconds = json[1]?.integer.flatMap({ Int32(exactly: $0) }),
            0..<1_000_000_000 ~= nanoseconds
        else { return nil }
        return Timestamp(secondsSinceEpoch: seconds, nanoseconds: nanoseconds)
    }

    private func pair(_ time: Timestamp) -> JSON {
        .array([.integer(time.secondsSinceEpoch), .integer(Int64(time.nanoseconds))])
    }

    private func record(_ files: ModelFiles, _ model: String) throws(FileError) {
        func json(_ contents: [String: ModelFiles.Content]) -> JSON {
            .object(
                contents.sorted { $0.key < $1.key }.map { name, content in
                    JSON.Member(
                        name,
                        .object([
                            .init("tag", .string(content.tag)), .init("inode", .string("\(content.file.inode)")),
                            .init("modified", pair(content.file.modified)),
                        ]))
                })
        }
        let refused = files.refused.sorted { $0.key < $1.key }.map { name, refusal in
            JSON.Member(
                name,
                .object([.init("tag", .string(refusal.tag)), .init("versions", .array(refusal.versions.sorted().map(pair)))]))
        }
        let text = JSON.object([
            .init("inPlace", json(files.inPlace)), .init("ready", json(files.ready)), .init("former", json(files.former)),
            .init("refused", .object(refused)),
        ])
        try fileSystem.replaceFile(layout.modelFilesRecord(model), with: Array(text.description.utf8), mode: 0o644)
    }
}

/// Where in the state directory a model's files are.
enum ModelFilesPlace: String, CaseIterable {
    /// Being fetched.
    case new
    case ready
    case former
}

extension VolumeLayout {
    var modelFiles: FilePath { state.appending("model-files") }
    func modelFiles(_ model: String) -> FilePath { modelFiles.appending(model) }
    func modelFiles(_ model: String, _ place: ModelFilesPlace) -> FilePath { modelFiles(model).appending(place.rawValue) }
    func modelFile(_ model: String, _ place: ModelFilesPlace, _ name: String) -> FilePath {
        modelFiles(model, place).appending(name)
    }
    func modelFilesRecord(_ model: String) -> FilePath { modelFiles(model).appending("record.json") }
}
