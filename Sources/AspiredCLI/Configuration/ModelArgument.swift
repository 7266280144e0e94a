import Servables
import Transfer

/// What `--model NAME=URI` says of one model; what it leaves open is `nil` and taken from the global settings.
struct ModelArgument: Hashable, Sendable {
    var name: String
    var source: SourceLocation
    var policy: VersionPolicy?
    var ready: ReadinessRule?
    var isRequired: Bool
    /// What the server calls it; `nil`: as we do.
    var serverName: String?
}

extension ModelArgument {
    /// Reads `NAME=URI`.
    /// - Parameters:
    ///   - text: the value of the flag, or one word of the variable.
    ///   - problems: gets one clause for each thing that is wrong.
    /// - Returns: `nil` exactly when a problem was added.
    static func parse(_ text: String, problems: inout [String]) -> ModelArgument? {
        let problemsBefore = problems.count
        guard let equals = text.firstIndex(of: "="), !text[..<equals].contains("/") else {
            problems.append("expected NAME=URI, such as mnist=s3://bucket/models/mnist or mnist=file:///srv/mnist")
            return nil
        }
        let name = String(text[..<equals])
        if let problem = nameProblem(name) { problems.append(problem) }

        let place = parseURI(text[text.index(after: equals)...], problems: &problems)
        guard problems.count == problemsBefore, let place else { return nil }
        return ModelArgument(name: name, place)
    }

    /// Reads `URI` or `URI?KEY=VALUE&…`.
    /// - Parameters:
    ///   - text: all of it.
    ///   - problems: gets one clause for each thing that is wrong.
    /// - Returns: `nil` exactly when a problem was added.
    static func parseURI(
        _ text: Substring, problems: inout [String]
    ) -> (source: SourceLocation, query: ModelQuery)? {
        let problemsBefore = problems.count
        let uri = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let query = uri.count == 2 ? ModelQuery(parsing: uri[1], problems: &problems) : ModelQuery()
        let source = parseSource(uri[0], query, problems: &problems)
        guard problems.count == problemsBefore, let source else { return nil }
        return (source, query)
    }

    init(name: String, _ place: (source: SourceLocation, query: ModelQuery)) {
        self.init(
            name: name, source: place.source, policy: place.query.policy, ready: place.query.ready,
            isRequired: place.query.isRequired, serverName: place.query.serverName)
    }

    /// One path component of letters, digits, `.`, `_`, `-`, not beginning with `.` (CONTRACT section 3).
    static func nameProblem(_ name: String) -> String? {
        if name.isEmpty { return "the model's name is empty" }
        if name.utf8.count > 255 { return "the model's name is longer than 255 bytes" }
        if name.hasPrefix(".") { return "the model's name begins with a dot" }
        return isPlain(name) ? nil : "the model's name may hold letters, digits, '.', '_' and '-' only"
    }

    private static func isPlain(_ text: some StringProtocol) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": true
            default: false
            }
        }
    }

    private static func parseSource(_ uri: Substring, _ query: ModelQuery, problems: inout [String]) -> SourceLocation? {
        guard let separator = uri.firstRange(of: "://"), ["s3", "file"].contains(uri[..<separator.lowerBound]) else {
            problems.append("expected a URI that begins with s3:// or file://")
            return nil
        }
        let place = uri[separator.upperBound...]
        let slash = uri.hasPrefix("s3:") ? bucketEnd(place) : place.firstIndex(of: "/") ?? place.endIndex
        guard let path = decoded(place[slash...], &problems)
        else { return nil }
        if uri.hasPrefix("s3:") {
            if let problem = bucketProblem(place[..<slash]) { problems.append(problem) }
            let prefix = path.drop { $0 == "/" }.reversed().drop { $0 == "/" }.reversed()
            return .s3(
                bucket: String(place[..<slash]), prefix: String(prefix), endpoint: query.endpoint, region: query.region)
        }
        for (key, value) in [(ModelQuery.Key.endpoint, query.endpoint), (.region, query.region)] where value != nil {
            problems.append("?\(key.rawValue)= is for s3:// only")
        }
        guard place.hasPrefix("/") else {
            problems.append("file:// needs an absolute path, with three slashes: file:///srv/mnist")
            return nil
        }
        do { return .directory(path: try SettingValue.path(path, in: "/")) } catch {
            problems.append(error.reason)
            return nil
        }
    }

    /// Where the bucket ends. An access point's ARN may have a slash before its name, as the AWS command line writes it.
    private static func bucketEnd(_ place: Substring) -> Substring.Index {
        let first = place.firstIndex(of: "/") ?? place.endIndex
        guard place.hasPrefix("arn:"), place[..<first].hasSuffix(":accesspoint"), first < place.endIndex else { return first }
        return place[place.index(after: first)...].firstIndex(of: "/") ?? place.endIndex
    }

    /// Names that no store gives, and that would change the path or host of a request.
    private static func bucketProblem(_ bucket: Substring) -> String? {
        if bucket.isEmpty { return "the bucket's name is empty" }
        // What the ARN names, S3's room knows.
        if bucket.hasPrefix("arn:"), bucket.split(whereSeparator: { $0 == ":" || $0 == "/" }).allSatisfy({ isPlain($0) }) {
            return nil
        }
        if bucket.contains("@") || bucket.contains(":") {
            return "credentials do not belong into a URI; give AWS_ACCESS_KEY_ID or a profile"
        }
        if bucket.utf8.count > 255 { return "the bucket's name is longer than 255 characters" }
        guard isPlain(bucket), !bucket.hasPrefix("."), !bucket.hasPrefix("-") else {
            return "the bucket's name may hold letters, digits, '.', '_' and '-' only, and begins with a letter or digit"
        }
        return nil
    }

    /// A percent-decoded part of the URI; `nil` when a problem was added.
    static func decoded(_ text: Substring, _ problems: inout [String]) -> String? {
        guard let decoded = PercentEncoding.decodePath(String(text)) else {
            problems.append("a % must be followed by two hexadecimal digits and give UTF-8; a % itself is written %25")
            return nil
        }
        guard !SettingValue.hasControlCharacter(decoded) else {
            problems.append("the URI has a control character")
            return nil
        }
        return decoded
    }
}
