public import FileIO
public import Servables
public import Transfer

/// A request to S3, or what was made of several, that failed.
public struct S3Error: Error, Hashable, Sendable {
    public let operation: S3Operation
    public let resource: S3Resource
    public let cause: Cause
    /// How often it was tried.
    public let attempts: Int
    /// It would have been tried again, had not so many tries of other requests failed, too.
    public let isOutOfTries: Bool

    public init(
        _ operation: S3Operation, _ resource: S3Resource, _ cause: Cause, attempts: Int = 1, isOutOfTries: Bool = false
    ) {
        self.operation = operation
        self.resource = resource
        self.cause = cause
        self.attempts = attempts
        self.isOutOfTries = isOutOfTries
    }

    public enum Cause: Error, Hashable {
        /// The store answered with an error.
        case refused(Refusal)
        /// No answer, or not all of it.
        case transport(TransportError)
        /// An answer that cannot be what it should be; asking again may help where the bytes were cut.
        case unintelligible(String, mayHeal: Bool)
        /// The object is not the one that was listed, or not served as one: its bytes are dropped and it must be listed anew.
        case objectChanged(String)
        /// The bytes are not those that the store says it has, and were not when they were fetched anew either.
        case checksumMismatch(VerificationMethod, expected: String, got: String)
        /// There is nothing to sign with.
        case credentials(Failure)
        /// The bucket cannot be asked for as things are configured.
        case configuration(Failure)
        /// The file would not take the bytes or give them back.
        case file(FileError)
        /// The task was cancelled.
        case cancelled
    }

    func tried(_ attempts: Int, isOutOfTries: Bool = false) -> S3Error {
        S3Error(operation, resource, cause, attempts: attempts, isOutOfTries: isOutOfTries)
    }
}

extension S3Error.Cause {
    init(_ error: TransportError) {
        switch error.kind {
        case .cancelled: self = .cancelled
        case .write(let error): self = .file(error)
        case .bodyTooLong(let expected): self = .objectChanged("more than the \(expected) bytes that were asked for came")
        default: self = .transport(error)
        }
    }
}

extension S3Error {
    /// The object must be listed anew before it can be fetched.
    public var isObjectChanged: Bool { if case .objectChanged = cause { true } else { false } }

    /// Whether trying the same again may help without anybody's doing.
    public var isTransient: Bool {
        switch cause {
        case .refused(let refusal): refusal.retryPace != nil
        case .transport(let error): error.isTransient
        case .unintelligible(_, let mayHeal): mayHeal
        case .objectChanged: true
        case .credentials(let failure): failure.isTransient
        case .checksumMismatch, .configuration, .file, .cancelled: false
        }
    }

    /// What kind of failure it is, for the exit code.
    public var kind: FailureKind {
        switch cause {
        case .refused(let refusal): refusal.kind
        case .transport(let error):
            switch error.kind {
            case .shutDown: .busy
            case .invalidRequest: .internalError
            case .tls(.authorities), .tls(.clientCertificate), .tls(.certificateRequired), .proxyRefused(407): .configuration
            default: .unavailable
            }
        case .unintelligible, .objectChanged: .unavailable
        case .checksumMismatch: .badData
        case .credentials(let failure), .configuration(let failure): failure.kind
        case .file: .volume
        case .cancelled: .busy
        }
    }

    /// The same for people and exit codes.
    public var failure: Failure { Failure(kind, description, isTransient: isTransient) }
}

extension S3Error: CustomStringConvertible {
    /// Operation, object, what came back, how often it was tried and what to do, on one line.
    public var description: String {
        var text = "\(operation.rawValue) \(resource): \(causeText)"
        if attempts > 1 { text += ", after \(attempts) tries" }
        if isOutOfTries { text += ", and no more for now: too many have failed of late" }
        if let remedy { text += "; \(remedy)" }
        return text
    }

    private var causeText: String {
        switch cause {
        case .refused(let refusal): refusal.text
        case .transport(let error): error.description
        case .unintelligible(let reason, _): "the answer cannot be used: \(oneLine(reason, limit: 300))"
        case .objectChanged(let reason): oneLine(reason, limit: 300)
        case .checksumMismatch(let method, let expected, let got):
            "\(method.rawValue) of the bytes is \(got), the store says \(oneLine(expected, limit: 100)), and again after fetching anew"
        case .credentials(let failure), .configuration(let failure): failure.message
        case .file(let error): "\(error)"
        case .cancelled: "stopped"
        }
    }
}
