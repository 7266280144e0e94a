import Servables
import Transfer

/// Why a try to get credentials failed, without what was tried.
struct CredentialFault: Error, Hashable {
    /// One clause, without secrets.
    let reason: String
    /// Whether trying again may help without anybody's doing.
    var isTransient = false
    /// What a person can do.
    var remedy: String?

    /// Nothing answers where it was asked.
    var isAbsent = false

    init(_ reason: String, isTransient: Bool = false, remedy: String? = nil, isAbsent: Bool = false) {
        self.reason = reason
        self.isAbsent = isAbsent
        self.isTransient = isTransient
        self.remedy = remedy
    }

    /// Of a failure to make credentials of an answer.
    init(_ fault: ParseFault) { self.init("the answer cannot be used: \(fault.reason)") }

    /// The same for people: `what` was tried.
    func failure(_ what: String) -> Failure {
        Failure(.denied, "\(what): \(reason)" + (remedy.map { "; \($0)" } ?? ""), isTransient: isTransient)
    }

    /// Tries until it is done, cannot be helped, or was tried often enough.
    static func trying<Value>(
        _ attempts: Int, _ time: any TimeSource, _ body: () async throws(CredentialFault) -> Value
    ) async throws(CredentialFault) -> Value {
        var attempt = 1
        while true {
            var fault: CredentialFault
            do throws(CredentialFault) {
                return try await body()
            } catch {
                fault = error
            }
            if fault.isTransient, attempt < attempts {
                let delay = RetryPolicy.delay(after: attempt, pace: .transient, random: time.random())
                if (try? await time.sleep(for: delay)) != nil {
                    attempt += 1
                    continue
                }
            }
            guard attempt > 1 else { throw fault }
            throw CredentialFault(
                "\(fault.reason), after \(attempt) tries", isTransient: fault.isTransient, remedy: fault.remedy,
                isAbsent: fault.isAbsent)
        }
    }
}

/// What others said, for messages: on one line, bounded, and without the secrets that they were told.
func quoted(_ text: String, without secrets: [String] = [], limit: Int = 200) -> String {
    oneLine(trimmed(masked(text, without: secrets)), limit: limit)
}

/// `text` without secrets. (What is shorter than eight characters is no secret, and a part of many words.)
func masked(_ text: String, without secrets: [String]) -> String {
    var text = text
    // Longest first: one secret may be a part of another.
    for secret in secrets.sorted(by: { $0.utf8.count > $1.utf8.count }) where secret.utf8.count >= 8 {
        text = text.replacing(secret, with: "***").replacing(PercentEncoding.query(secret), with: "***")
    }
    return text
}
