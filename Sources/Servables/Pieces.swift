extension String {
    /// These texts one behind the other: in a fraction of the time of `joined()`, `+=` and interpolation, for what is written of each
    /// request and each file.
    public init(pieces: [String]) {
        let count = pieces.reduce(0) { $0 + $1.utf8.count }
        self.init(unsafeUninitializedCapacity: count) { bytes in
            guard var end = bytes.baseAddress else { return 0 }
            for var piece in pieces {
                piece.withUTF8 { text in
                    guard let start = text.baseAddress else { return }
                    end.initialize(from: start, count: text.count)
                    end += text.count
                }
            }
            return count
        }
    }
}
