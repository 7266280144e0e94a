public import FileIO
public import Servables
public import SystemPackage

/// What the volume could not do.
public enum VolumeError: Error, Hashable, Sendable {
    /// A system call failed while doing what `doing` says.
    case file(FileError, doing: String)
    /// `needed` bytes do not fit into `available`, which already leaves out what must stay free.
    case noSpace(path: FilePath, needed: Int64, available: Int64, bound: SpaceBound)
    /// Two places that a rename must join are on different mounts.
    case differentMounts(FilePath, FilePath)
    /// What stands where a directory of ours must be.
    case notDirectory(FilePath)
    /// A version is already in the base path.
    case occupied(FilePath)
    /// A directory that no manifest of ours covers, or that is not there.
    case notOurs(FilePath)
    /// A staged version that is not what its table says; `reason` names the file.
    case incomplete(FilePath, reason: String)
    /// A path in a table that must not become a file.
    case unsafePath(String, reason: String)

    /// What set the limit that was reached.
    public enum SpaceBound: Hashable, Sendable {
        case freeSpace
        case keepFree
        case maxVolume
        /// The volume is a tmpfs, and counts against a memory limit of so many bytes.
        case memory(limit: Int64)
    }
}

extension VolumeError {
    /// The failure as a person meets it.
    public var failure: Failure {
        switch self {
        case .file(let error, let doing):
            return Failure(.volume, "\(doing): \(error)\(VolumeError.remedy(error.errno))", isTransient: true)
        case .noSpace(let path, let needed, let available, let bound):
            let missing = ByteCount(needed - max(0, available))
            let limit =
                switch bound {
                case .freeSpace: "free"
                case .keepFree: "free above --keep-free"
                case .maxVolume: "left of --max-volume"
                case .memory(let limit): "left of the memory limit of \(ByteCount(limit)), which a tmpfs counts against"
                }
            let remedy = if case .memory = bound { "raise the limit, or put --root on a disk" } else { "enlarge the volume" }
            return Failure(
                .volume,
                "no space on \(path): \(ByteCount(needed)) needed, \(ByteCount(max(0, available))) \(limit), \(missing) missing; "
                    + "nothing published is touched, the fetch goes on when there is room: free some, or \(remedy)",
                isTransient: true)
        case .differentMounts(let one, let other):
            return Failure(
                .volume,
                "\(one) and \(other) are on different mounts, so that no version can be renamed from one to the other: "
                    + "set --state-dir to a directory on the mount of --root")
        case .notDirectory(let path):
            return Failure(.volume, "\(path) is in the way: a directory must be there; move it away or choose another --root")
        case .occupied(let path):
            return Failure(
                .volume, "publish \(path): something of that name is already there and is left alone", isTransient: true)
        case .notOurs(let path):
            return Failure(
                .volume, "move \(path): it is not there, or no manifest of ours covers it; it is left alone", isTransient: true)
        case .incomplete(let path, let reason):
            return Failure(.volume, "publish \(path): \(reason); it will be fetched again", isTransient: true)
        case .unsafePath(let path, let reason):
            return Failure(
                .badData,
                "the key \"\(PathRules.printable(path))\" cannot be a file of a version: \(reason); rename the object, the whole version is refused"
            )
        }
    }

    private static func remedy(_ errno: Errno) -> String {
        switch errno {
        case .noSpace: "; free space on the volume, or enlarge it"
        case .diskQuotaExceeded: "; raise the quota"
        case .readOnlyFileSystem: "; the volume must be mounted read-write for aspired"
        case .permissionDenied, .notPermitted: "; give the uid that aspired runs as the right to write there (runAsUser, fsGroup)"
        case .tooManyOpenFiles: "; raise the limit on open files (ulimit -n)"
        case .improperLink: "; staging and base path must be on one mount: set --state-dir to a directory on the mount of --root"
        default: ""
        }
    }
}

/// Runs `body`, giving its file errors the clause that says what was being done.
/// - `other`: what an error is instead, where it is more than a call that failed.
func doing<Result: ~Copyable>(
    _ what: @autoclosure () -> String, or other: (FileError) -> VolumeError? = { _ in nil },
    _ body: () throws(FileError) -> Result
) throws(VolumeError) -> Result {
    do throws(FileError) {
        return try body()
    } catch {
        throw other(error) ?? .file(error, doing: what())
    }
}
