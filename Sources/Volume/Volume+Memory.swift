import FileIO
import Servables
import SystemPackage

extension Volume {
    /// What the agent itself may take of a memory limit beside the files, at most (`make footprint`).
    static let ownMemory: Int64 = 24 << 20

    /// A line for the log where the volume is a tmpfs under a memory limit; `nil` anywhere else. Blocks.
    public func memoryNotice() -> String? {
        guard let space = try? space(), let memory = memoryLimit(of: space) else { return nil }
        return "\(layout.root) is a tmpfs: what it holds counts against the memory limit of \(ByteCount(memory.limit)) "
            + "(\(memory.group)), which leaves \(ByteCount(max(0, memory.available))); a version that does not fit is not fetched"
    }

    /// The memory limit that a volume in memory counts against, less what we need of it ourselves. Who exceeds it is killed, so it
    /// is a bound as the disk's own size is (CONTRACT P9).
    func memoryLimit(of space: VolumeSpace) -> (limit: Int64, available: Int64, group: String)? {
        guard space.isInMemory, let memory = fileSystem.memoryLimit(controlGroups) else { return nil }
        return (memory.limit, memory.available - Self.ownMemory, memory.group.string)
    }
}
