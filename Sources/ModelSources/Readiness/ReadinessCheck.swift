import Servables

/// Applies a readiness rule to a complete listing of a version (CONTRACT section 5).
struct ReadinessCheck {
    let rule: ReadinessRule
    let settle: Duration
    /// The store's clock.
    let now: Timestamp
    /// Where the version is, for messages and for what is remembered of it.
    let location: String
    let memory: ReadinessMemory
    /// The bytes of a range of a file of the version, which is still the listed one.
    let read: @Sendable (FileEntry, Range<Int64>) async throws(SourceError) -> [UInt8]

    /// What nothing but its writer can tell.
    private static let advice =
        "write a manifest (\(VersionListing.manifestName)) or a marker (--ready marker:NAME) last, or set --ready settled"

    /// What may be done with a version that was listed so.
    /// - Throws: `badData` where its manifest says nothing that can be followed.
    func contents(_ listing: VersionListing) async throws(SourceError) -> VersionContents {
        switch rule {
        case .manifest:
            guard let manifest = listing.manifest else {
                return .held(reason: "waiting for its manifest \(VersionListing.manifestName)", lookAgainIn: nil)
            }
            return try await contents(listing, by: manifest)
        case .auto:
            if let manifest = listing.manifest { return try await contents(listing, by: manifest) }
            if let held = isUnsettled(listing) { return held }
            return try await contentsByItself(listing)
        case .settled: return isUnsettled(listing) ?? .ready(listing.table)
        case .none: return isEmpty(listing) ?? .ready(listing.table)
        case .marker(let name):
            if let held = isEmpty(listing) { return held }
            return listing.hasMarker ? .ready(listing.table) : .held(reason: "waiting for its marker \(name)", lookAgainIn: nil)
        }
    }

    /// How the version differs from what was published of it (`--on-changed`). Nobody asks again whether it is ready: it was.
    /// - Returns: one clause; `nil` where it does not differ.
    func difference(_ listing: VersionListing, from published: FileTable) async throws(SourceError) -> String? {
        var listed = listing.table
        switch (rule, listing.manifest) {
        case (.manifest, nil): return "its manifest \(VersionListing.manifestName) is gone"
        case (.manifest, let manifest?), (.auto, let manifest?):
            switch try await self.manifest(manifest).match(listing.table) {
            case .complete(let table): listed = table
            case .incomplete(let reason): return reason
            }
        default: break
        }
        return VersionListing.difference(of: listed, from: published)
    }

    private func isEmpty(_ listing: VersionListing) -> VersionContents? {
        listing.table.isEmpty ? .held(reason: "it holds no file yet", lookAgainIn: nil) : nil
    }

    private func isUnsettled(_ listing: VersionListing) -> VersionContents? {
        guard let newest = listing.table.newest else { return isEmpty(listing) }
        if listing.hasUnknownTimes {
            return held(
                "its source does not say when its objects were written, so that nothing tells whether it has settled: \(Self.advice)"
            )
        }
        let age = max(.zero, now.since(newest))
        guard age < settle else { return nil }
        return .held(reason: "its newest object is not yet \(settle.text) old (--settle)", lookAgainIn: settle - age)
    }
}

// MARK: - By its manifest

extension ReadinessCheck {
    private func contents(_ listing: VersionListing, by entry: FileEntry) async throws(SourceError) -> VersionContents {
        switch try await manifest(entry).match(listing.table) {
        case .complete(let table): return .ready(table)
        case .incomplete(let reason): return .held(reason: reason, lookAgainIn: nil)
        }
    }

    private func manifest(_ entry: FileEntry) async throws(SourceError) -> VersionManifest {
        let finding = try await memory.finding(of: entry, in: location) { () async throws(SourceError) in
            guard entry.size <= VersionManifest.maximumBytes else {
                return .manifest(.failure(.init("it has \(entry.size) bytes; \(VersionManifest.maximumBytes) are the most")))
            }
            let text = entry.size == 0 ? [] : try await read(entry, 0..<entry.size)
            do throws(VersionManifest.Fault) {
                return .manifest(.success(try VersionManifest(parsing: text)))
            } catch {
                return .manifest(.failure(error))
            }
        }
        guard case .manifest(let result) = finding else { preconditionFailure("a manifest is read as one") }
        do throws(VersionManifest.Fault) {
            return try result.get()
        } catch {
            throw SourceError(
                Failure(
                    .badData,
                    "read \(location)/\(VersionListing.manifestName): \(error.reason); write it anew, until then the whole "
                        + "version is refused"))
        }
    }
}

// MARK: - By what it is

extension ReadinessCheck {
    private func contentsByItself(_ listing: VersionListing) async throws(SourceError) -> VersionContents {
        let places = SavedModelFiles.directories.map { SavedModelFiles(in: $0, of: listing.table) }.filter(\.isAny)
        if let first = places.first {
            // `assets/` or `variables/` beside Triton's directory need no graph of their own.
            let models = places.filter(\.hasGraph)
            guard !models.isEmpty else {
                return held(
                    "it has files of a SavedModel and no \(first.directory)saved_model.pb yet; if it is none: \(Self.advice)")
            }
            for model in models { if let held = try await whatIsMissing(of: model) { return held } }
            return .ready(listing.table)
        }
        guard listing.table.count > 1 else { return .ready(listing.table) }
        return held(
            "it has \(listing.table.count) files that are no SavedModel, and nothing tells whether they are all: \(Self.advice)")
    }

    private func whatIsMissing(of model: SavedModelFiles) async throws(SourceError) -> VersionContents? {
        guard let graph = model.binary ?? model.text else {
            // The chunked form is not taken apart; what is there of the variables must be whole.
            return missing(model.missing(nil), "\(model.directory)saved_model.cpb")
        }
        let finding = try await memory.finding(of: graph, in: location) { () async throws(SourceError) in
            model.binary != nil
                ? .savedModel(
                    try await SavedModelReading.needs(of: graph, SavedModelBinaryScan(size: graph.size), read: read))
                : .savedModel(try await SavedModelReading.needs(of: graph, SavedModelTextScan(size: graph.size), read: read))
        }
        guard case .savedModel(let result) = finding else { preconditionFailure("a graph is read as one") }
        switch result {
        case .success(let needs): return missing(model.missing(needs), graph.path)
        case .failure(let fault):
            return held("\(graph.path) is no SavedModel: \(fault.reason); write it anew, or if it is none: \(Self.advice)")
        }
    }

    private func missing(_ names: [String], _ graph: String) -> VersionContents? {
        guard let first = names.first else { return nil }
        return held("\(first), which \(graph) asks for, is not there yet\(nor(more: names.count - 1))")
    }

    private func held(_ reason: String) -> VersionContents { .held(reason: reason, lookAgainIn: nil) }
}

/// What goes behind the first of several things that are not there.
func nor(more count: Int) -> String {
    switch count {
    case 0: ""
    case 1: " (nor is another)"
    default: " (nor are \(count) more)"
    }
}
