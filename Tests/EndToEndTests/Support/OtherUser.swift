import Glibc
import Testing

/// Running the program as somebody who is not root.
enum OtherUser {
    static let identifier: UInt32 = 65_534
    static let isAvailable = Binaries.isRoot && Binaries.tool("setpriv") != nil
    static let message: Comment = "the tests run as another user already, or setpriv is missing"

    /// What stands before a program.
    static let prefix = [
        "setpriv", "--reuid=\(identifier)", "--regid=\(identifier)", "--clear-groups", "--inh-caps=-all", "--no-new-privs",
    ]

    /// The program as another user's, from a place that everybody may read.
    static func aspired(_ aspired: Aspired, in scratch: String, umask: String? = nil) throws -> Aspired {
        var other = aspired
        other.binary = "\(scratch)/aspired"
        try writeFile(other.binary, try readFile(aspired.binary))
        chmod(other.binary, 0o755)
        other.prefix = prefix
        if let umask { other.prefix += ["sh", "-c", "umask \(umask); exec \"$@\"", "sh"] }
        return other
    }

    /// A volume as `fsGroup` makes one: root's, the group may write, and what is made in it is the group's.
    static func makeVolume(_ path: String) throws {
        try makeDirectory(path)
        guard chown(path, 0, identifier) == 0, chmod(path, 0o2775) == 0 else { throw SystemFault("prepare \(path)", errno) }
    }
}
