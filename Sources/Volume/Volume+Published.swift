import FileIO
public import Servables
import SystemPackage

/// What is known of a published version's files.
public struct PublishedVersion: Sendable {
    /// As they were listed when they were fetched.
    public let table: FileTable
    /// In the table's order.
    public let verifications: [Verification]
}

extension Volume {
    /// Reads a version's manifest, whether it is published or lies aside.
    /// - Returns: `nil` where the version has none that can be used.
    public func published(_ model: String, _ version: Version) throws(VolumeError) -> PublishedVersion? {
        try doing("read the manifest of \(model) \(version)") { () throws(FileError) in
            guard let (header, files) = try manifests.whole(model, version) else { return nil }
            var table = FileTable()
            for file in files { table.append(file.entry) }
            for path in header.emptyDirectories { table.appendEmptyDirectory(path) }
            return PublishedVersion(table: table, verifications: files.map(\.verification))
        }
    }

    /// Notes what the source says now of a published version, without touching it: its files were written again with the same
    /// bytes.
    public func restate(
        _ model: String, _ version: Version, table: FileTable, source: String, verifications: [Verification]
    ) throws(VolumeError) {
        try doing("write the manifest of \(model) \(version)") { () throws(FileError) in
            guard let old = try manifests.header(model, version) else { return }
            var new = header(
                model, version, table: table, source: source, isAdopted: old.isAdopted, verifications: verifications)
            new.summary.publishedAt = old.summary.publishedAt
            new.summary.releasedAt = old.summary.releasedAt
            new.summary.unsyncedBoot = old.summary.unsyncedBoot
            new.summary.refusal = old.summary.refusal
            try write(new, table: table, verifications)
        }
    }
}
