import CLinux

/// glibc's heap, which keeps what was freed unless it is told not to (DESIGN, hard rule 3).
public enum ProcessHeap {
    /// From the start on: two arenas at most, since each keeps freed memory for itself, and one a thread would be eight. What
    /// receives a body, and arrays that grow, come from the system one by one: else glibc raises its own bound with the first of
    /// them that is freed, and they leave holes in the heap that nothing fits (a third of the peak with 128 connections).
    public static func bound() {
        aspired_limit_arenas(2)
        aspired_map_from(64 << 10)
    }

    /// Gives freed memory back to the system; after large work.
    public static func trim() {
        BlockPool.gathering.drain()
        BlockPool.receiving.drain()
        aspired_trim_heap()
    }
}
