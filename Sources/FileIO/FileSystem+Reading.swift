public import SystemPackage

extension FileSystem {
    /// The whole content of a small file.
    /// - `limit`: a longer file is an error (`EFBIG`).
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
    /// - `chunk`: bytes of a piece.
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

    /// Those of `extents` whose bytes in a file are still what they were: after a restart of the machine the record of an extent
    /// may have survived what it describes.
    public func intact(_ extents: [Extent], in path: FilePath) throws(FileError) -> [Extent] {
        let file = try open(path, .read)
        var intact: [Extent] = []
        for extent in extents {
            var checksum = RunningChecksum()
            try forEachChunk(of: file, in: extent.offset..<extent.end) { checksum.update($0) }
            if checksum.length == extent.length, checksum.crc64nvme == extent.crc64nvme { intact.append(extent) }
        }
        return intact
    }
}
