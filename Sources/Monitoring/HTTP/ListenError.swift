import Glibc
import NIOCore

/// Why an address cannot be listened on.
public struct ListenError: Error, Hashable, Sendable, CustomStringConvertible {
    /// As it was asked for: `:9464`.
    public let address: String
    /// The system's error number; `nil` when the host's name has no address.
    public let errno: CInt?
    /// What the system says of it: `Address already in use`.
    public let reason: String

    init(address: String, _ error: any Error) {
        self.address = address
        switch error {
        case let error as IOError:
            errno = error.errnoCode
            reason = Self.text(error.errnoCode)
        case is SocketAddressError.UnknownHost:
            errno = nil
            reason = "no such host"
        default:
            errno = nil
            reason = PlainText.escaped("\(error)")
        }
    }

    public var description: String { "cannot listen on \(address): \(reason)" }

    static func text(_ code: CInt) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, strerror_r(code, start, buffer.count) == 0 else { return "error \(code)" }
            return String(cString: start)
        }
    }
}
