import Servables

/// The shared credentials file and the configuration file, read together at one time.
struct ProfileFiles: Sendable, Undisclosed {
    /// Where they were looked for; empty where no home directory is known.
    let paths: [String]
    private let credentials: ProfileFile?
    private let configuration: ProfileFile?

    /// - Parameters:
    ///   - environment: `AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE` and `HOME` count.
    ///   - read: a file's text, `nil` if there is none.
    /// - Throws: where a file cannot be read or is malformed; a file that is not there holds no profile.
    init(environment: [String: String], read: (String) throws(Failure) -> String?) throws(Failure) {
        let environment = environment.filter { !$0.value.isEmpty }
        let home = environment["HOME"]
        func path(_ variable: String, _ standard: String) -> String? {
            guard let path = environment[variable] ?? home.map({ _ in "~/.aws/\(standard)" }) else { return nil }
            guard path.hasPrefix("~/"), let home else { return path }
            return home + path.dropFirst(1)
        }
        func file(_ path: String?) throws(Failure) -> ProfileFile? {
            guard let path, let text = try read(path) else { return nil }
            return try ProfileFile(parsing: text, name: path)
        }
        let credentialsPath = path("AWS_SHARED_CREDENTIALS_FILE", "credentials")
        let configurationPath = path("AWS_CONFIG_FILE", "config")
        credentials = try file(credentialsPath)
        configuration = try file(configurationPath)
        paths = [credentialsPath, configurationPath].compactMap(\.self)
    }

    /// The profile in force: the flag's, then `AWS_DEFAULT_PROFILE` and `AWS_PROFILE` in botocore's order.
    static func name(environment: [String: String], chosen: String?) -> String {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        return chosen ?? value("AWS_DEFAULT_PROFILE") ?? value("AWS_PROFILE") ?? "default"
    }

    /// What both files say of a profile; one that is in neither is empty.
    func profile(_ name: String) -> Profile {
        let section =
            configuration?.sections["profile \(name)"] ?? (name == "default" ? configuration?.sections["default"] : nil)
        let services = section?.values["services"] ?? credentials?.sections[name]?.values["services"]
        return Profile(
            name: name, files: paths, credentials: credentials?.sections[name]?.values, configuration: section?.values,
            nested: section?.nested ?? [:],
            services: services.flatMap { configuration?.sections["services \($0)"]?.nested } ?? [:])
    }

    /// The paths, for messages.
    var places: String {
        paths.isEmpty ? "no profile files (HOME is not set)" : paths.joined(separator: " and ")
    }
}
