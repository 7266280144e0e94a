public import Servables
public import SystemPackage

/// What does not fit.
public struct LackOfSpace: Hashable, Sendable {
    public let path: FilePath
    /// Bytes.
    public let needed: Int64
    /// Bytes, without those that must stay free; negative where there are fewer than these.
    public let available: Int64
    public let bound: Bound
    /// Versions that would make room if they were pruned first; empty where none would.
    public var makers: [Version] = []

    /// What set the limit that was reached.
    public enum Bound: Hashable, Sendable {
        case freeSpace
        case keepFree
        case maxVolume
        /// The volume is a tmpfs, and counts against a memory limit of so many bytes.
        case memory(limit: Int64)
    }
}

extension LackOfSpace: CustomStringConvertible {
    /// The versions that would make room, for a message.
    public var makersText: String { makers.map(\.name).joined(separator: ", ") }

    public var description: String {
        let limit =
            switch bound {
            case .freeSpace: "free"
            case .keepFree: "free above --keep-free"
            case .maxVolume: "left of --max-volume"
            case .memory(let limit): "left of the memory limit of \(ByteCount(limit)), which a tmpfs counts against"
            }
        return "\(ByteCount(needed)) needed, \(ByteCount(max(0, available))) \(limit), "
            + "\(ByteCount(needed - max(0, available))) missing"
    }
}
