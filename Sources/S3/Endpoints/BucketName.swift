import Servables

/// What a bucket may be called.
enum BucketName {
    /// Refuses what no store has, what would change a request's path, and kinds of buckets that need more than S3's plain requests.
    ///
    /// Other stores have rules of their own, and AWS has old buckets of up to 255 characters: the rest is the store's to refuse.
    /// - Parameters:
    ///   - name: as it was configured; an ARN is not looked at here.
    ///   - isAWS: whether AWS's own endpoints are spoken to, where some endings have a meaning.
    /// - Throws: what is wrong with it and what to do.
    static func check(_ name: String, isAWS: Bool) throws(ParseFault) {
        if name.isEmpty { throw ParseFault("the bucket's name is empty; name one: s3://BUCKET/PREFIX") }
        if name.utf8.count > 255 { throw ParseFault("the bucket's name is longer than 255 bytes; correct it") }
        if name == "." || name == ".." || name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            throw ParseFault("no bucket can have this name; correct it")
        }
        guard isAWS else { return }
        if ["--x-s3", "--xa-s3"].contains(where: { name.hasSuffix($0) }) {
            throw ParseFault("directory buckets (S3 Express) are not supported; name a general purpose bucket")
        }
        if name.hasSuffix("--op-s3") { throw ParseFault("S3 on Outposts is not supported; name a bucket of a region") }
    }
}
