public import Servables

/// What shall become of a body, decided when its headers are there and before its first byte.
public enum DownloadDecision: Hashable, Sendable {
    /// Write it to this range of the file, computing these checksums; it must fill the range exactly.
    case write(range: Range<Int64>, checksums: ChecksumSet)
    /// Return its first `limit` bytes instead; what exceeds them is not read, and the connection is closed.
    case collect(limit: Int)
}

/// How a download that did not fail ended.
public enum DownloadOutcome: Hashable, Sendable {
    /// The range is written and recorded in the file.
    case written(ResponseHead)
    /// Nothing was written: an answer that `accept` wanted to see.
    case collected(HTTPResponse)
}
