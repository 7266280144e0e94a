import Glibc
import Testing

/// A file system in an image, on a loop device, that can lose what a loss of power loses.
struct RealDisk: Sendable {
    private let image: String
    private let place: String
    private let kind: String

    /// What can be made and mounted here: each was tried once.
    static let kinds = ["ext4", "xfs"].filter { kind in
        let trial = """
            place=$(mktemp -d)
            trap 'umount "$place/disk" 2>/dev/null || true; rm -rf "$place"' EXIT
            truncate -s \(size) "$place/image"
            mkfs.\(kind) -q "$place/image"
            mkdir "$place/disk"
            mount -t \(kind) -o loop "$place/image" "$place/disk"
            unshare --mount true
            umount "$place/disk"
            """
        return Binaries.isRoot && ChildProcess.succeeds(["/bin/sh", "-ec", trial], environment: ["PATH": Binaries.path])
    }
    static let message: Comment = "only root can mount an ext4 or xfs, where loop devices and mkfs are"

    private static let size = 512 << 20

    /// Makes one that is to be mounted on a directory.
    /// - Throws: where it cannot be made.
    init(_ kind: String, image: String, place: String) async throws {
        (self.kind, self.image, self.place) = (kind, image, place)
        try writeFile(image, [])
        guard truncate(image, Self.size) == 0 else { throw SystemFault("truncate", errno) }
        try await Self.tell("mkfs.\(kind)", "-q", image)
    }

    private static func tell(_ command: String...) async throws {
        try await ChildProcess.with(command, environment: ["PATH": Binaries.path]) { process in
            let end = try await process.wait()
            guard end == .exited(0) else { throw WaitedInVain(description: "\(command): \(end): \(process.errorText)") }
        }
    }

    func mount() async throws { try await Self.tell("mount", "-t", kind, "-o", "loop", image, place) }

    /// Once nobody has anything open there any more, nor a namespace with it: else the next mount would be of what is here now.
    func unmount() async throws {
        try await eventually("it is unmounted") {
            if umount2(place, 0) == 0 { return true }
            guard errno == EBUSY else { throw SystemFault("umount", errno) }
            return false
        }
        try await eventually("its loop device is free") {
            try !names(in: "/sys/block").contains { device in
                guard let backing = try? readFile("/sys/block/\(device)/loop/backing_file") else { return false }
                return String(decoding: backing, as: UTF8.self).hasPrefix(image)
            }
        }
    }

    /// Whatever is going on.
    func detach() { umount2(place, CInt(MNT_DETACH)) }

    /// From now on nothing reaches the disk; what had not, is lost.
    /// - Parameter keepsNames: the journal is written first: names and sizes stay, what is in the files may not.
    /// - Throws: where the file system cannot do that.
    func cutPower(keepsNames: Bool) throws {
        typealias Control = @convention(c) (CInt, CUnsignedLong, UnsafeMutablePointer<UInt32>) -> CInt
        // Swift has no call of variable arguments; EXT4_IOC_SHUTDOWN, which is XFS's, too.
        guard let address = dlsym(nil, "ioctl") else { throw SystemFault("dlsym", ENOSYS) }
        let directory = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw SystemFault("open", errno) }
        defer { close(directory) }
        var how: UInt32 = keepsNames ? 1 : 2
        guard unsafeBitCast(address, to: Control.self)(directory, 0x8004_587D, &how) == 0 else {
            throw SystemFault("ioctl", errno)
        }
    }
}
