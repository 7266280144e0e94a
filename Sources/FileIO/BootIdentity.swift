import SystemPackage

extension FileSystem {
    /// A name for the time since the machine started: what was written in the same boot is in the page cache even if
    /// it never reached the disk. Empty where the kernel does not tell, which equals no boot.
    public func bootIdentity() -> String {
        guard let content = try? readFile("/proc/sys/kernel/random/boot_id", limit: 64) else { return "" }
        return String(decoding: content.prefix { $0 > 0x20 }, as: UTF8.self)
    }
}
