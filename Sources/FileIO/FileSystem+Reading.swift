public import SystemPackage

extension FileSystem {
    /// The whole content of a small file.
    /// - Parameter limit: a longer file is an error (`EFBIG`).
    public func readFile(_ path: FilePath, limit: Int) throws(FileError) -> [UInt8] {
        let file = try open(path, .read)
        var content: [UInt8] = []
        try forEachChunk(of: file, chunk: min(limit + 1, 64 << 10)) { (bytes) throws(FileError) in
            guard content.count + bytes.count <= limit else { throw FileError(FileOperation.read.rawValue, path, .fileTooLarge) }
            content.append(contentsOf: bytes)
        }
        return content
    }

    /// Reads a file from `range`'s start to its end, or to the file's, in pieces that stay in cache.
    /// - Parameter chunk: bytes of a piece.
    /// - Returns: the bytes read.
    @discardableResult
    public func forEachChunk(
        of file: borrowing Descriptor, in range: Range<Int64> = 0..<Int64.max, chunk: Int = 256 << 10,
        _ body: (UnsafeRawBufferPointer) throws(FileError) -> Void
    ) throws(FileError) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk, alignment: 4096)
        defer { buffer.deallocate() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = Int(min(Int64(chunk), range.upperBound - offset))
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
            if count == 0 { break }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
        return offset - range.lowerBound
    }
}
