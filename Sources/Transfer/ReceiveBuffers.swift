import CCurl
import CLinux
import FileIO
import Glibc

/// What libcurl receives bodies into: it frees that with each request, and has it again with the next.
enum ReceiveBuffers {
    /// Bytes of the smallest block that is handed on; libcurl has none as large but to receive into.
    private static let smallest = 64 << 10
    static let pool = BlockPool.receiving

    /// libcurl has its blocks from here: set up once in a process, and before anything else of it, which sets it up without. `false` if
    /// it could not be.
    static let isLibraryReady =
        curl_global_init_mem(
            Int(CURL_GLOBAL_DEFAULT), { ReceiveBuffers.allocate($0) }, { ReceiveBuffers.release($0) },
            { ReceiveBuffers.resize($0, $1) }, { $0.flatMap { strdup($0) } }, { calloc($0, $1) }) == CURLE_OK

    static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        size < smallest ? malloc(size) : pool.take { _ in size }?.baseAddress
    }

    static func release(_ address: UnsafeMutableRawPointer?) {
        guard let address, !mayBePooled(address) || !pool.give(address) else { return }
        free(address)
    }

    static func resize(_ address: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
        guard let address, mayBePooled(address) else { return realloc(address, size) }
        guard let other = allocate(size) else { return nil }
        other.copyMemory(from: address, byteCount: min(size, aspired_block_size(address)))
        release(address)
        return other
    }

    private static func mayBePooled(_ address: UnsafeMutableRawPointer) -> Bool { aspired_block_size(address) >= smallest }
}
