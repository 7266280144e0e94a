public import FileIO
import Servables

/// Why a request got no answer, or not all of it. Its text is one line, names the host, and holds neither header values nor
/// the path or query of the URL.
public struct TransportError: Error, Hashable, Sendable {
    public let kind: Kind
    /// Host and port as the URL names them, and the proxy on the way, if there is one.
    public let host: String

    public init(_ kind: Kind, host: String) {
        self.kind = kind
        self.host = host
    }

    public enum Kind: Hashable, Sendable {
        /// The name could not be resolved.
        case resolve(reason: String)
        /// No connection.
        case connect(reason: String)
        /// The proxy did not let the connection through; the status of its answer.
        case proxyRefused(status: Int)
        case tls(TLSFault)
        case timeout(Phase, after: Duration)
        /// The body came slower than the limit allows.
        case stalled(StallLimit, received: Int64)
        /// The connection ended before the headers were there.
        case closed
        /// The connection broke off, by a reset or an error of the network.
        case reset(reason: String)
        /// The body ended early; `expected` is what was asked for or announced, where that is known.
        case bodyTooShort(expected: Int64?, received: Int64)
        /// More came than the range holds.
        case bodyTooLong(expected: Int64)
        /// More came than the caller takes.
        case bodyTooLarge(limit: Int)
        /// What came is no HTTP that we understand.
        case malformed(reason: String)
        /// The request cannot be sent as it is: a bug of the caller's.
        case invalidRequest(reason: String)
        /// The file would not take the bytes.
        case write(FileError)
        /// The task was cancelled.
        case cancelled
        /// The client was shut down.
        case shutDown
        /// libcurl refused or failed in a way that no other case names.
        case library(reason: String)
    }

    public enum Phase: String, Hashable, Sendable {
        case resolve = "resolving the name"
        case connect = "connecting"
        case tls = "agreeing on TLS"
        case responseHeader = "waiting for the answer"
    }

    public enum TLSFault: Hashable, Sendable {
        /// No authority that we trust vouches for the certificate.
        case untrusted(reason: String)
        /// The certificate is for other names.
        case wrongName
        /// The certificate has expired or is not valid yet.
        case outOfDate(reason: String)
        /// The server wants a certificate of ours, or another one.
        case certificateRequired
        /// Our certificate or its key cannot be used.
        case clientCertificate(path: String, reason: String)
        /// The file of authorities cannot be read or parsed.
        case authorities(path: String)
        /// The peers have no protocol in common, or the other side speaks no TLS.
        case handshake(reason: String)
        /// The connection ended during the handshake.
        case interrupted(reason: String)
    }
}

extension TransportError {
    /// Whether trying the same again may help without anybody's doing.
    public var isTransient: Bool {
        switch kind {
        case .resolve, .connect, .timeout, .stalled, .closed, .reset, .bodyTooShort, .tls(.interrupted): true
        case .proxyRefused(let status): status >= 500
        case .tls, .bodyTooLong, .bodyTooLarge, .malformed, .invalidRequest, .write, .cancelled, .shutDown, .library: false
        }
    }
}

extension TransportError: CustomStringConvertible {
    public var description: String {
        switch kind {
        case .resolve(let reason): "cannot resolve \(host): \(reason)"
        case .connect(let reason): "cannot connect to \(host): \(reason)"
        case .proxyRefused(407): "\(host): the proxy wants a user and password (407); set them, or others, in the proxy's URL"
        case .proxyRefused(let status): "\(host): the proxy refused the connection (\(status)); see that it allows this host"
        case .tls(let fault): "no TLS with \(host): \(fault)"
        case .timeout(let phase, let after): "\(host): time-out after \(after.text) while \(phase.rawValue)"
        case .stalled(let limit, let received):
            "\(host): stalled after \(ByteCount(received)): less than \(ByteCount(limit.bytes)) came in \(limit.window.text)"
        case .closed: "\(host) closed the connection without an answer"
        case .reset(let reason): "\(host): connection lost: \(reason)"
        case .bodyTooShort(let expected?, let received):
            "\(host): the body ended early, after \(received) of \(expected) bytes"
        case .bodyTooShort(nil, let received): "\(host): the body ended early, after \(received) bytes"
        case .bodyTooLong(let expected): "\(host): the body is longer than the \(expected) bytes that were asked for"
        case .bodyTooLarge(let limit): "\(host): the answer is larger than \(ByteCount(Int64(limit)))"
        case .malformed(let reason): "\(host): not an HTTP answer: \(reason)"
        case .invalidRequest(let reason): "\(host): the request cannot be sent: \(reason)"
        case .write(let error): "\(host): the body cannot be written: \(error)"
        case .cancelled: "\(host): cancelled"
        case .shutDown: "\(host): the client is shut down"
        case .library(let reason): "\(host): libcurl: \(reason)"
        }
    }
}

extension TransportError.TLSFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .untrusted(let reason):
            "its certificate is not trusted (\(reason)); if it is the right host, name its authority's PEM file with --s3-ca-file"
        case .wrongName: "its certificate is for another host name; use the name that the certificate is for"
        case .outOfDate(let reason): "\(reason); renew it, or set this machine's clock"
        case .certificateRequired: "the server refuses our certificate, or that we show none; set client_cert in the profile"
        case .clientCertificate(let path, let reason):
            "the client certificate \(path) cannot be used (\(reason)); check client_cert"
        case .authorities(let path): "the CA file \(path) cannot be read as PEM; check --s3-ca-file"
        case .handshake(let reason): "\(reason); is the endpoint's scheme http:// rather than https://?"
        case .interrupted(let reason): reason
        }
    }
}
