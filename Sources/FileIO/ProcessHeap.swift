import CLinux

/// glibc's heap, which keeps what was freed unless it is told not to (DESIGN, hard rule 3).
public enum ProcessHeap {
    /// Two arenas at most: each keeps freed memory for itself, and one a thread would be eight.
    public static func limitArenas() { aspired_limit_arenas(2) }

    /// Gives freed memory back to the system; after large work.
    public static func trim() {
        GatherBuffer.drain()
        aspired_trim_heap()
    }
}
