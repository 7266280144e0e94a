import PlainJSON
import Servables

/// Credentials as JSON, the way a process, a container's agent and an instance give them.
enum CredentialDocument {
    /// Bytes of an answer, at most. A session token has a few kilobytes.
    static let maximumBytes = 128 << 10

    /// Reads a whole document. The session token's member is named `token`; `Version` is `version` where one is expected.
    /// - Throws: what is wrong; never quotes a value.
    static func parse(_ bytes: [UInt8], token: String, version: Int64? = nil) throws(ParseFault) -> Credentials {
        let document = try json(bytes)
        if let version, document["Version"]?.integer != version {
            throw ParseFault("Version is not \(version), the only one that is known")
        }
        func text(_ name: String) throws(ParseFault) -> String? {
            guard let value = document[name], !value.isNull else { return nil }
            guard let text = value.string else { throw ParseFault("\(name) is no string") }
            return text.isEmpty ? nil : text
        }
        guard let accessKeyID = try text("AccessKeyId") else { throw ParseFault("it has no AccessKeyId") }
        guard let secretAccessKey = try text("SecretAccessKey") else { throw ParseFault("it has no SecretAccessKey") }
        let expiration = try text("Expiration")
        let instant = expiration.flatMap { Timestamp(rfc3339: $0) }
        if expiration != nil, instant == nil { throw ParseFault("Expiration is no time in RFC 3339") }
        return try checked(
            Credentials(
                accessKeyID: accessKeyID, secretAccessKey: secretAccessKey, sessionToken: try text(token), expiration: instant))
    }

    /// Refuses what would break a header: it comes from outside and is sent to the store.
    static func checked(_ credentials: Credentials) throws(ParseFault) -> Credentials {
        for (name, value) in [("access key id", credentials.accessKeyID), ("session token", credentials.sessionToken ?? "")]
        where !value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw ParseFault("the \(name) holds characters that none can have")
        }
        return credentials
    }

    /// What an answer says in place of credentials: its `Code` and `Message`, in either case; `nil` if it says neither.
    static func complaint(in bytes: [UInt8], without secrets: [String] = []) -> String? {
        guard let document = try? json(bytes) else { return nil }
        let code = (document["Code"] ?? document["code"])?.string
        let message = (document["Message"] ?? document["message"])?.string
        let parts = [code, message].compactMap { $0.map { quoted($0, without: secrets) } }
        return parts.isEmpty ? nil : parts.joined(separator: ": ")
    }

    private static func json(_ bytes: [UInt8]) throws(ParseFault) -> JSON {
        do throws(JSONFault) {
            return try JSON(parsing: bytes)
        } catch {
            throw ParseFault("it is no JSON (\(error))")
        }
    }
}
