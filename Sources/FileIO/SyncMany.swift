public import SystemPackage

extension FileSystem {
    /// Files that one thread syncs in a row before others help it.
    private static let fewFiles = 32
    /// Threads that sync at once, at most.
    private static let syncThreads = 16

    /// Syncs files, each of them by itself (fsync(2)): many at once, since each sync waits for the disk to empty its cache, and one
    /// emptying serves all that wait for it.
    /// - Throws: the first failure; the others are begun no more.
    public func sync(_ count: Int, _ path: @escaping @Sendable (Int) -> FilePath) throws(FileError) {
        guard count > Self.fewFiles else {
            for index in 0..<count { try open(path(index), .read).sync() }
            return
        }
        let work = Monitor(ManySyncs())
        let threads = min(Self.syncThreads, count / Self.fewFiles + 1)
        for number in 1...threads {
            spawnThread(name: "aspired-sync-\(number)") { [self] in
                while let index = work.next(of: count) {
                    do throws(FileError) { try open(path(index), .read).sync() } catch { work.fail(error) }
                }
                work.signal { $0.ended += 1 }
            }
        }
        let failure = work.wait { work -> FileError?? in work.ended == threads ? .some(work.failure) : nil }
        if let failure { throw failure }
    }
}

private struct ManySyncs {
    var next = 0
    var ended = 0
    var failure: FileError?
}

extension Monitor<ManySyncs> {
    fileprivate func next(of count: Int) -> Int? {
        change { work in
            guard work.failure == nil, work.next < count else { return nil }
            defer { work.next += 1 }
            return work.next
        }
    }

    fileprivate func fail(_ error: FileError) { change { $0.failure = $0.failure ?? error } }
}
