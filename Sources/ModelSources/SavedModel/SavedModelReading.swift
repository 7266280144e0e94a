import Servables

/// Reads as much of a graph file as its scan asks for, a piece at a time.
enum SavedModelReading {
    /// A first look: of most graph files it is all that is read.
    static let firstPiece: Int64 = 64 << 10
    /// However long the file, no more is held at once. A file made so that every piece says little is read in few requests.
    static let largestPiece: Int64 = 1 << 20
    private static let piecesOfOneSize = 8

    /// What a file asks for.
    /// - Parameters:
    ///   - entry: the file as it was listed.
    ///   - scan: of its format, at its beginning.
    ///   - read: gives the bytes of a range of the file.
    /// - Returns: a failure where the file is no SavedModel.
    /// - Throws: where it cannot be read.
    static func needs(
        of entry: FileEntry, _ scan: consuming some SavedModelScan,
        read: (FileEntry, Range<Int64>) async throws(SourceError) -> [UInt8]
    ) async throws(SourceError) -> Result<SavedModelNeeds, SavedModelFault> {
        var scan = scan
        var start: Int64 = 0
        var pieces = 0
        while true {
            let length = min(firstPiece << Int64(pieces / piecesOfOneSize), largestPiece)
            pieces = min(pieces + 1, 64)
            let range = start..<(start + min(length, entry.size - start))
            let bytes = range.isEmpty ? [] : try await read(entry, range)
            do throws(SavedModelFault) {
                guard let next = try scan.take(bytes, at: start) else { return .success(scan.needs) }
                start = next
            } catch {
                return .failure(error)
            }
        }
    }
}
