import Glibc

/// The memory of this process as a file: it holds credentials.
public enum ProcessCore {
    /// Forbids core files, for this process and those that it starts.
    ///
    /// Of one byte, since a limit of zero bounds only what the kernel writes itself: a program in `core_pattern` would be given
    /// all of it none the less. One byte is less than any core file has, and what the kernel refuses to pipe (core(5), and
    /// `coredump_pipe` in the kernel's fs/coredump.c). Only the soft limit: who debugs can raise it (`prlimit --core`).
    public static func forbid() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(1, limit.rlim_max)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    }
}
