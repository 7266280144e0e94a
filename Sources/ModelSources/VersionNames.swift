import Servables

/// Picks the versions out of names: what is no version is ignored, two names of one number are an error (CONTRACT section 4).
func versions(among names: some Sequence<String>, in location: String) throws(SourceError) -> Set<Version> {
    var versions: Set<Version> = []
    for name in names {
        guard let version = Version(name) else { continue }
        let (isNew, other) = versions.insert(version)
        guard !isNew, other.name != version.name else { continue }
        throw SourceError(
            Failure(
                .badData,
                "list \(location): \"\(other.name)\" and \"\(version.name)\" are two names of version \(version.number); remove one of them"
            ))
    }
    return versions
}
