/// What the graph file of a SavedModel says must be beside it.
struct SavedModelNeeds: Hashable, Sendable {
    /// A meta graph has a `saver_def`: its variables are restored from `variables/`.
    var needsVariables = false
    /// Files under `assets/`, as their `asset_file_def`s name them.
    private(set) var assets: Set<[UInt8]> = []

    /// More names than a version may have files mean nothing.
    static let maximumAssets = 100_000

    /// - Returns: whether it could be noted.
    mutating func add(asset name: [UInt8]) -> Bool {
        if !name.isEmpty { assets.insert(name) }
        return assets.count <= Self.maximumAssets
    }
}

/// Why a file is not what its name says: one clause.
struct SavedModelFault: Error, Hashable, Sendable {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// Finds out what a graph file asks for out of pieces of it.
protocol SavedModelScan {
    /// Takes the file's bytes from `start` on, as many as there were to have.
    /// - Returns: from which byte on it wants more, never one before `start`; `nil` when it is done.
    /// - Throws: where the file is no SavedModel.
    mutating func take(_ bytes: [UInt8], at start: Int64) throws(SavedModelFault) -> Int64?

    /// What was found; complete once ``take(_:at:)`` gave `nil`.
    var needs: SavedModelNeeds { get }
}
