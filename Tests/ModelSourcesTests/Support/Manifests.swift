import Digests

/// Manifests as writers leave them.
enum Manifests {
    /// One of these contents by path.
    static func text(_ files: [String: String]) -> String {
        let items = files.sorted { $0.key < $1.key }.map { path, content in
            let digest = Hex.encode(DigestKind.sha256.digest(of: Array(content.utf8)))
            return #"{"path":"\#(path)","size":\#(content.utf8.count),"sha256":"\#(digest)"}"#
        }
        return #"{"version":1,"files":[\#(items.joined(separator: ","))]}"#
    }
}
