@testable import ModelSources
@testable import Servables

/// `.aspired.json`: what is taken names files that stay in their version, each once, with a whole SHA-256.
@Sendable func fuzzManifest(_ input: UnsafeRawBufferPointer) {
    let manifest: VersionManifest
    do throws(VersionManifest.Fault) {
        manifest = try VersionManifest(parsing: Array(input))
    } catch {
        check(error.reason.utf8.count < 8_192, "a fault has no end")
        check(!error.reason.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "a fault has a control character")
        return
    }
    check(manifest.count > 0 && manifest.count <= FileTable.limit, "a manifest of nothing is taken, or one too long")
    // Of an empty listing the first is missing, and named.
    guard case .incomplete(let reason) = manifest.match(FileTable()) else { return check(false, "nothing is everything") }
    check(!reason.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "a reason has a control character")
}

/// A graph file, binary and as text: its scan ends, moves on, and says the same however the file is cut.
@Sendable func fuzzSavedModel(_ input: UnsafeRawBufferPointer) {
    let bytes = Array(input)
    let size = Int64(bytes.count)
    func compare(_ scan: some SavedModelScan, least: Int) {
        // A piece has what a field of ours needs at most.
        let piece = max(least, bytes.count / 3)
        check(outcome(scan, bytes, piece) == outcome(scan, bytes, bytes.count), "a cut changes what a SavedModel needs")
    }
    compare(SavedModelBinaryScan(size: size), least: 5_000)
    compare(SavedModelTextScan(size: size), least: 1)
}

private func outcome(_ scan: some SavedModelScan, _ bytes: [UInt8], _ piece: Int) -> SavedModelNeeds? {
    var scan = scan
    var start = 0
    do throws(SavedModelFault) {
        while let next = try scan.take(Array(bytes[start..<min(start + max(1, piece), bytes.count)]), at: Int64(start)) {
            check(next > start && next <= bytes.count, "a scan does not move on")
            start = Int(next)
        }
        return scan.needs
    } catch {
        return nil
    }
}
