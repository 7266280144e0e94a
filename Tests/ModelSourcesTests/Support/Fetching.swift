import FileIO
import ModelSources
import Servables

extension ModelSource {
    /// A fetch that nothing else competes with.
    func fetch(
        _ entry: FileEntry, of version: Version, into file: StagedFile, onBytes: @escaping @Sendable (Int64) -> Void
    ) async throws(SourceError) -> Verification {
        try await fetch(entry, of: version, into: file, isUrgent: false, onBytes: onBytes)
    }
}
