public import FileIO
public import Servables
public import SystemPackage

/// What the volume could not do.
public enum VolumeError: Error, Hashable, Sendable {
    /// A system call failed while doing what `doing` says.
    case file(FileError, doing: String)
    case noSpace(LackOfSpace)
    /// Two places that a rename must join are on different mounts.
    case differentMounts(FilePath, FilePath)
    /// A directory that was locked, and is not there any more, or another.
    case lost(FilePath)
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
}

extension VolumeError {
    /// The failure as a person meets it.
    public var failure: Failure {
        switch self {
        case .file(let error, let doing):
            return Failure(.volume, "\(doing): \(error)\(VolumeError.remedy(error.errno))", isTransient: true)
        case .noSpace(let lack):
            let remedy = if case .memory = lack.bound { "raise the limit, or put --root on a disk" } else { "enlarge the volume" }
            let way =
                lack.makers.isEmpty
                ? ""
                : "; pruning \(lack.makersText) first would make room: --prune-first does that, and nothing is served meanwhile"
            return Failure(
                .volume,
                "no space on \(lack.path): \(lack); nothing published is touched, the fetch goes on when there is room: free some, or "
                    + "\(remedy)\(way)", isTransient: true)
        case .differentMounts(let one, let other):
            return Failure(
                .volume,
                "\(one) and \(other) are on different mounts, so that no version can be renamed from one to the other: "
                    + "set --state-dir to a directory on the mount of --root")
        case .lost(let path):
            return Failure(
                .volume,
                "\(path) is not what it was at the start: the volume was unmounted, or another is mounted there; nothing is written until it "
                    + "is back: mount it again, or restart aspired for another volume", isTransient: true)
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
        case .resourceBusy: "; something is mounted there: unmount it"
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
