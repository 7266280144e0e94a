import Glibc

/// What came of something, as the server says it: a canonical code and a message.
public struct ServingStatus: Error, Hashable, Sendable, CustomStringConvertible {
    /// The codes that occur here, by the names that REST shows.
    public enum Code: String, Sendable {
        case ok = "OK"
        case cancelled = "CANCELLED"
        case unknown = "UNKNOWN"
        case invalidArgument = "INVALID_ARGUMENT"
        case notFound = "NOT_FOUND"
        case alreadyExists = "ALREADY_EXISTS"
        case permissionDenied = "PERMISSION_DENIED"
        case resourceExhausted = "RESOURCE_EXHAUSTED"
        case failedPrecondition = "FAILED_PRECONDITION"
        case aborted = "ABORTED"
        case unimplemented = "UNIMPLEMENTED"
        case `internal` = "INTERNAL"
        case unavailable = "UNAVAILABLE"
        case dataLoss = "DATA_LOSS"
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public static let ok = ServingStatus(.ok, "")

    public var isOK: Bool { code == .ok }

    /// `CODE: message`, as the server logs it.
    public var description: String { isOK ? "OK" : "\(code.rawValue): \(message)" }

    /// What the server makes of a failed system call on `path`.
    static func io(_ path: String, _ error: CInt) -> ServingStatus {
        let code: Code =
            switch error {
            case ENOENT, ENODEV, ENXIO: .notFound
            case EACCES, EPERM, EROFS: .permissionDenied
            case ENOTDIR, EISDIR, ENOTEMPTY, EBADF: .failedPrecondition
            case ENAMETOOLONG, EINVAL: .invalidArgument
            case EMFILE, ENFILE, ENOMEM: .resourceExhausted
            default: .unknown
            }
        return ServingStatus(code, "\(path); \(String(cString: strerror(error)))")
    }
}
