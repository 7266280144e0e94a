@testable import S3
@testable import Servables

/// Credentials as JSON, of a process, a container's agent or an instance: what is taken can stand in a header, and no fault and no
/// description quotes what was given.
@Sendable func fuzzCredentials(_ input: UnsafeRawBufferPointer) {
    let bytes = Array(input)
    for version in [nil, Int64(1)] {
        judge { () throws(ParseFault) in try CredentialDocument.parse(bytes, token: "Token", version: version) }
    }
    if let complaint = CredentialDocument.complaint(in: bytes) {
        check(isLine(complaint), "a complaint has a control character, or no end")
    }
}

/// What the Security Token Service answers.
@Sendable func fuzzRoleAnswer(_ input: UnsafeRawBufferPointer) {
    let bytes = Array(input)
    judge { () throws(ParseFault) in try RoleAnswer.parse(bytes) }
}

private func judge(_ parse: () throws(ParseFault) -> Credentials) {
    do throws(ParseFault) {
        let credentials = try parse()
        let sent = credentials.accessKeyID + (credentials.sessionToken ?? "")
        check(!credentials.accessKeyID.isEmpty && !credentials.secretAccessKey.isEmpty, "a half of a key pair is empty")
        check(sent.utf8.allSatisfy { 0x21...0x7E ~= $0 }, "what cannot stand in a header is taken")
        let described = "\(credentials) \(String(reflecting: credentials))"
        for secret in [credentials.secretAccessKey, credentials.sessionToken ?? ""] where secret.utf8.count > 20 {
            check(!described.contains(secret), "credentials tell what they are")
        }
    } catch {
        check(isLine(error.reason), "a fault has a control character, or no end")
    }
}

private func isLine(_ text: String) -> Bool {
    text.utf8.count < 2_000 && !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
}
