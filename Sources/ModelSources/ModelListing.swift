public import Servables

/// What a source has of a model, by one listing.
public struct ModelListing: Sendable {
    /// The names that are versions.
    public var versions: Set<Version>
    /// The files beside them that are asked for (`--model-files`), or why they cannot be taken: that is no fault of the versions.
    public var files: Result<[FileEntry], SourceError>

    /// More of them are refused.
    public static let mostFiles = 256

    public init(versions: Set<Version>, files: Result<[FileEntry], SourceError> = .success([])) {
        self.versions = versions
        self.files = files
    }
}

/// Picks the files beside the versions out of what a source lists.
struct BesideVersions {
    private let patterns: NamePatterns
    private let location: String
    private var files: [FileEntry] = []
    private var fault: SourceError?

    init(_ patterns: NamePatterns, in location: String) {
        self.patterns = patterns
        self.location = location
    }

    /// Whether a name is asked for. What is named as a version is none, whatever it is.
    func wants(_ name: String) -> Bool { !name.isEmpty && patterns.matches(name) && Version(name) == nil }

    mutating func add(_ entry: FileEntry) {
        if let reason = PathRules.fault(of: entry.path) {
            refuse("the name \"\(PathRules.printable(entry.path))\" cannot be one of a file: \(reason); rename it")
        } else if files.count == ModelListing.mostFiles {
            refuse("more than \(ModelListing.mostFiles) files beside the versions; name those that are meant by --model-files")
        } else {
            files.append(entry)
        }
    }

    private mutating func refuse(_ reason: String) {
        fault =
            fault ?? SourceError(Failure(.badData, "list \(location): \(reason); until then none of its model files is taken"))
    }

    var result: Result<[FileEntry], SourceError> { fault.map { .failure($0) } ?? .success(files) }
}
