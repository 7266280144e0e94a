extension StagedFile {
    /// Begins to compute a digest behind the bytes that arrive, which are read back from the page cache: when the last range is there
    /// little is left to do. Of several digests the newest is followed; one that is followed already goes on.
    public func follow(_ digest: FileDigest) { advance(trailing(digest)) }

    /// Gives up the digest that is being followed.
    public func stopFollowing() { following.withLock { $0.take() }?.stop(path) }

    /// A digest of the whole file, which must not miss a range: what was followed is finished, anything else is read back.
    /// - Throws: what reading threw, or `ECANCELED` where the task is cancelled.
    public func digest(_ digest: FileDigest) async throws(FileError) -> [UInt8] {
        precondition(missing.isEmpty, "a digest is of a whole file")
        let trailing = trailing(digest)
        advance(trailing)
        let outcome = await withTaskCancellationHandler {
            await trailing.outcome()
        } onCancel: {
            trailing.stop(path)
        }
        // What failed is not followed any further.
        if case .failure = outcome { following.withLock { if $0 === trailing { $0 = nil } } }
        return try outcome.get()
    }

    private func trailing(_ digest: FileDigest) -> TrailingDigest {
        let (trailing, former) = following.withLock { following in
            if let following, following.digest == digest { return (following, TrailingDigest?.none) }
            let former = following
            let fresh = TrailingDigest(digest, size: size)
            following = fresh
            return (fresh, former)
        }
        former?.stop(path)
        return trailing
    }

    /// After a reset: the same digest from its beginning.
    func beginFollowingAnew() {
        let former = following.withLock { following in
            defer { following = following.map { TrailingDigest($0.digest, size: size) } }
            return following
        }
        former?.stop(path)
    }

    /// Hands the reader what can be hashed by now.
    func advance(_ trailing: TrailingDigest) {
        while let job = trailing.take(covered) {
            reader.enqueue {
                trailing.run(job) { (take) throws(FileError) in try self.read(job.range, take) }
                self.advance(trailing)
            }
        }
    }
}
