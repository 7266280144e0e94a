import Servables

/// Credentials in environment variables: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and a session token in `AWS_SECURITY_TOKEN`
/// or `AWS_SESSION_TOKEN`, the old name first, as in botocore. A process's own environment does not change, so there is nothing to
/// look at again when `AWS_CREDENTIAL_EXPIRATION` has passed: the store says that they have expired.
enum EnvironmentCredentials {
    /// - Returns: `nil` where there is no access key; an empty variable counts as none.
    /// - Throws: where its secret is missing.
    static func find(in environment: [String: String]) throws(Failure) -> Credentials? {
        let accessKeyID = value("AWS_ACCESS_KEY_ID", environment)
        let secretAccessKey = value("AWS_SECRET_ACCESS_KEY", environment)
        switch (accessKeyID, secretAccessKey) {
        // A secret alone is none, as for botocore.
        case (nil, _):
            return nil
        case (let accessKeyID?, let secretAccessKey?):
            return Credentials(
                accessKeyID: accessKeyID, secretAccessKey: secretAccessKey,
                sessionToken: value("AWS_SECURITY_TOKEN", environment) ?? value("AWS_SESSION_TOKEN", environment))
        case (_?, nil):
            throw Failure(.denied, "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not: set both, or neither")
        }
    }

    /// White space around a value is a secret's file that ended in a line break, and never part of a key.
    private static func value(_ name: String, _ environment: [String: String]) -> String? {
        environment[name].map(trimmed).flatMap { $0.isEmpty ? nil : $0 }
    }
}
