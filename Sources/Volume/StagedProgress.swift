import Servables

/// How far the files of a staged version are, by the table's index. One that is whole takes nine bytes: there may be 100,000.
struct StagedProgress {
    private var checksums: [UInt64]
    /// Of those that are whole.
    private var methods: [VerificationMethod?]
    /// Those that are begun.
    private var begun: [Int: FileProgress] = [:]

    /// - `count`: of the table's files.
    init(_ known: [Int: FileProgress], count: Int) {
        checksums = Array(repeating: 0, count: count)
        methods = Array(repeating: nil, count: count)
        for (index, progress) in known { self[index] = progress }
    }

    func isWhole(_ index: Int) -> Bool { methods[index] != nil }

    subscript(index: Int) -> FileProgress? {
        get {
            guard let method = methods[index] else { return begun[index] }
            return FileProgress(verification: Verification(crc64nvme: checksums[index], method: method))
        }
        set {
            let verification = newValue?.verification
            methods[index] = verification?.method
            checksums[index] = verification?.crc64nvme ?? 0
            begun[index] = verification == nil ? newValue : nil
        }
    }

    /// A file that is not whole, to be changed where it is.
    subscript(index: Int, default fresh: @autoclosure () -> FileProgress) -> FileProgress {
        get { begun[index, default: fresh()] }
        _modify { yield &begun[index, default: fresh()] }
    }

    mutating func removeValue(forKey index: Int) -> FileProgress? {
        defer { self[index] = nil }
        return self[index]
    }
}
