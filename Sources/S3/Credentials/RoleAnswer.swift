import Servables

/// What the Security Token Service answers when a role is assumed: `…Response/…Result/Credentials/AccessKeyId` and its siblings.
enum RoleAnswer {
    /// Bytes of one value. AWS promises no bound for a session token.
    private static let limits = XMLLimits(textBytes: 32 << 10, documentBytes: CredentialDocument.maximumBytes)

    /// - Throws: what is wrong with the document; never quotes a value.
    static func parse(_ body: [UInt8]) throws(ParseFault) -> Credentials {
        let handler = Handler()
        guard let scanner = XMLScanner(handler, limits: limits) else { throw ParseFault("there is no memory for a parser") }
        do throws(XMLFault) {
            _ = body.withUnsafeBytes { scanner.take($0) }
            try scanner.finish()
        } catch {
            throw ParseFault(error.reason)
        }
        guard let accessKeyID = handler.fields["AccessKeyId"], let secretAccessKey = handler.fields["SecretAccessKey"],
            let sessionToken = handler.fields["SessionToken"]
        else { throw ParseFault("it has no complete Credentials") }
        guard let expiration = handler.fields["Expiration"].flatMap({ Timestamp(rfc3339: $0) }) else {
            throw ParseFault("its credentials have no Expiration")
        }
        return try CredentialDocument.checked(
            Credentials(
                accessKeyID: accessKeyID, secretAccessKey: secretAccessKey, sessionToken: sessionToken, expiration: expiration))
    }

    private final class Handler: XMLHandler {
        var fields: [String: String] = [:]

        func started(_ path: [String]) {}

        func ended(_ path: [String], text: String) throws(XMLFault) {
            guard path.count == 4, path[2] == "Credentials" else { return }
            // White space alone is nothing.
            let value = trimmed(text)
            if !value.isEmpty { fields[path[3]] = value }
        }
    }
}
