import FileIO
import ModelSources
import Servables
import Volume

/// The files of a model beside its versions (`--model-files`): what is known of them, and what is being done.
struct ModelFilesState {
    /// By the newest listing; `nil` where there was none that could be followed.
    var listed: [FileEntry]?
    /// What the volume has; `nil`: it was not looked at since something was done.
    var held: ModelFiles?
    var work: Task<Void, Never>?
    var failures = FailureStreak()
    /// When each version was published that is on the volume, in place or not.
    var versions: Set<Timestamp> = []
    /// Whether this process has seen what an earlier one left.
    var hasLooked = false
    /// Whether what was replaced is to be put back, if anything was: what is in place may not be known when that is decided.
    var putsBack = false

    /// What is to be fetched.
    var wanted: [FileEntry] {
        guard let held, let listed else { return [] }
        return listed.filter { entry in
            if [held.inPlace[entry.path]?.tag, held.ready[entry.path]?.tag].contains(entry.tag) { return false }
            // What was put back comes in again with another version only, or as another content.
            guard let refusal = held.refused[entry.path], refusal.tag == entry.tag else { return true }
            return !versions.isSubset(of: refusal.versions)
        }
    }

    /// Whether nothing is left to be done, as far as is known.
    var isDone: Bool { work == nil && listed != nil && held?.ready.isEmpty == true && wanted.isEmpty && !putsBack }
}

// Versions first, then their files: a file is put in when every aspired version is in place, and what is loaded is loaded after that.
extension ModelReconciler {
    /// Takes what the newest listing has.
    func take(files listed: Result<[FileEntry], SourceError>) {
        guard settings.syncsModelFiles else { return }
        files.held = nil
        switch listed {
        case .success(let entries): files.listed = entries
        case .failure(let error):
            files.listed = nil
            // It is the same at every poll until somebody renames it.
            filesFailed(error.failure, isSaid: files.failures.last == error.failure)
        }
    }

    /// Whether every aspired version is in place, as far as can be told.
    private var areVersionsIn: Bool {
        fetch == nil && available.listed != nil && plan.fetch.isEmpty && plan.examine.isEmpty && plan.ask.isEmpty
    }

    /// Whether a load would find the files that belong to the versions that are in place.
    var areFilesIn: Bool {
        guard settings.syncsModelFiles else { return true }
        guard files.held != nil, files.work == nil, !files.putsBack else { return false }
        return files.failures.count > 0 || files.isDone || !areVersionsIn
    }

    /// Whether the first version waits for the files that its base path is to come in with.
    var waitsForFiles: Bool {
        guard settings.syncsModelFiles, !volume.settings.makesEmptyBasePaths, inventory?.published.isEmpty == true else {
            return false
        }
        return files.held == nil || !files.wanted.isEmpty
    }

    /// When what failed is tried again.
    var filesDue: Duration? { files.failures.count > 0 ? files.failures.retryAt : nil }

    /// Starts the next step.
    func startFiles(_ now: Duration) {
        guard settings.syncsModelFiles, !Task.isCancelled else { return }
        files.versions = Set((inventory?.all ?? []).map(\.publishedAt))
        if !plan.refuse.isEmpty { files.putsBack = true }
        guard files.work == nil else { return }
        let isDue = files.failures.retryAt <= now && !(mode == .once && isFinal(files.failures, now))
        guard let held = files.held else {
            if isDue { workOnFiles { () async throws(SourceError) in } }
            return
        }
        if !files.hasLooked {
            files.hasLooked = true
            // An earlier process did not get as far as to put back what had come with it.
            if inventory?.isNewestRefused == true { files.putsBack = true }
        }
        if held.former.isEmpty { files.putsBack = false }
        // Nothing of a model is moved while it is loaded.
        let mayMove = isAtRest && !isPublishing && working.isEmpty
        let (name, volume) = (model.name, volume)
        if files.putsBack {
            guard mayMove, isDue else { return }
            let versions = files.versions
            return workOnFiles { () async throws(SourceError) in
                let names = try await self.onVolume { () throws(VolumeError) in
                    try volume.putBackModelFiles(name, beside: versions)
                }
                await self.notePutBack(names)
            }
        }
        guard isDue else { return }
        if !files.wanted.isEmpty {
            let wanted = files.wanted
            return workOnFiles { () async throws(SourceError) in for entry in wanted { try await self.fetchFile(entry) } }
        }
        if !held.ready.isEmpty, inventory?.published.isEmpty == false, areVersionsIn, mayMove {
            let keepsFormer = server != nil
            return workOnFiles { () async throws(SourceError) in
                let names = try await self.onVolume { () throws(VolumeError) in
                    try volume.putModelFiles(name, keepsFormer: keepsFormer)
                }
                if names.isEmpty { return }
                self.telemetry.record(.notice("\(name): \(names.joined(separator: ", ")) of \(self.source.location) in place"))
            }
        }
        if !held.former.isEmpty, held.ready.isEmpty, plan.refuse.isEmpty, !watch.isOpen, isLoaded {
            return workOnFiles { () async throws(SourceError) in
                try await self.onVolume { () throws(VolumeError) in try volume.forgetFormerModelFiles(name) }
            }
        }
    }

    private var isLoaded: Bool {
        guard let server, server.loadsWhenTold, let inventory else { return true }
        return loads.looksByItself || loads.hasLoaded(standing(inventory))
    }

    /// A step beside the turns; after it the volume is looked at.
    private func workOnFiles(_ body: @escaping @Sendable () async throws(SourceError) -> Void) {
        files.work = Task {
            let (name, volume) = (model.name, volume)
            func look() async throws(SourceError) -> ModelFiles {
                try await onVolume { () throws(VolumeError) in try volume.modelFiles(name) }
            }
            do throws(SourceError) {
                try await body()
                files.held = try await look()
                if files.listed != nil, files.wanted.isEmpty { files.failures = FailureStreak() }
            } catch {
                files.held = try? await look()
                if Task.isCancelled { noteStop(error) } else { filesFailed(error.failure) }
                if error.isStale { syncNow() }
            }
            files.work = nil
            endedWorks += 1
            bell.ring()
        }
    }

    private func fetchFile(_ entry: FileEntry) async throws(SourceError) {
        let (name, volume) = (model.name, volume)
        let file = try await onVolume { () throws(VolumeError) in try volume.stageModelFile(name, entry) }
        let verification = try await source.fetch(entry, of: nil, into: file, isUrgent: !readiness.isReady) { _ in }
        try settings.accept(verification, of: "\(name) \(entry.path)")
        try await onVolume { () throws(VolumeError) in
            file.close()
            try volume.readyModelFile(name, entry)
        }
    }

    private func notePutBack(_ names: [String]) {
        files.putsBack = false
        guard !names.isEmpty else { return }
        telemetry.record(
            .warning(
                "\(model.name): \(names.joined(separator: ", ")) put back as before, since the server could not load the "
                    + "model; what replaced it comes in again with another version, or when it is uploaded anew"))
    }

    private func filesFailed(_ failure: Failure, isSaid: Bool = false) {
        let (random, now) = (time.random(), time.uptime())
        files.failures.add(failure, now: now) { settings.sourceBackoff.wait(after: $0, random: random) }
        if isSaid { return }
        let retryIn = mode == .once && isFinal(files.failures, now) ? nil : files.failures.retryAt - now
        telemetry.record(.syncFailed(model: model.name, failure: failure, retryIn: retryIn))
    }

    private func onVolume<Result: Sendable>(
        _ body: @escaping @Sendable () throws(VolumeError) -> Result
    ) async throws(SourceError) -> Result {
        do throws(VolumeError) { return try await workers.bulk.run(body) } catch { throw SourceError(error.failure) }
    }
}
