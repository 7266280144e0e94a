extension String {
    /// These texts one behind the other: in a fraction of the time of `joined()`, `+=` and interpolation, for what is written of each
    /// request and each file.
    public init(pieces: [String]) {
        let count = pieces.reduce(0) { $0 + $1.utf8.count }
        self.init(unsafeUninitializedCapacity: count) { bytes in
            var end = 0
            for var piece in pieces {
                piece.withUTF8 { end = bytes[end...].initialize(fromContentsOf: $0) }
            }
            return end
        }
    }
}
