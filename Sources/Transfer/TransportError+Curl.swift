import CCurl
import SystemPackage

extension TransportError.Kind {
    /// What a transfer failed of, in our terms.
    /// - Parameters:
    ///   - code: the result of the transfer, not `CURLE_OK`.
    ///   - handle: the handle that it ran on, before it is reset.
    ///   - configuration: its limits are named in the error.
    init(_ code: CURLcode, _ handle: EasyHandle, _ configuration: HTTPClientConfiguration) {
        let said = handle.message.isEmpty ? code.text : handle.message
        let proxyStatus = handle.long(CURLINFO_HTTP_CONNECTCODE)
        if proxyStatus >= 300 {
            self = .proxyRefused(status: proxyStatus)
            return
        }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: self = .resolve(reason: said)
        case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED, CURLE_PROXY:
            let errno = handle.long(CURLINFO_OS_ERRNO)
            self = .connect(reason: errno == 0 ? said : Errno(rawValue: CInt(errno)).description)
        case CURLE_OPERATION_TIMEDOUT: self = .timeout(Self.phase(handle), after: configuration.connectTimeout)
        case CURLE_PEER_FAILED_VERIFICATION: self = .tls(Self.distrust(handle, said))
        case CURLE_SSL_CACERT_BADFILE: self = .tls(.authorities(path: configuration.caFile ?? "(none)"))
        case CURLE_SSL_CONNECT_ERROR:
            // OpenSSL's own errors are about what the peer sent; the rest is the connection's end.
            self = .tls(said.contains("error:") ? .handshake(reason: said) : .interrupted(reason: said))
        case CURLE_SSL_CERTPROBLEM where configuration.clientCertificate != nil:
            self = .tls(.clientCertificate(path: configuration.clientCertificate?.certificate ?? "", reason: said))
        case CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ISSUER_ERROR:
            self = .tls(.handshake(reason: said))
        case CURLE_GOT_NOTHING: self = .closed
        // With TLS 1.3 our certificate is judged after the handshake.
        case CURLE_RECV_ERROR where said.contains("alert certificate required"): self = .tls(.certificateRequired)
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_SEND_FAIL_REWIND: self = .reset(reason: said)
        case CURLE_PARTIAL_FILE: self = .bodyTooShort(expected: nil, received: 0)
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING:
            self = .malformed(reason: said)
        case CURLE_URL_MALFORMAT: self = .invalidRequest(reason: "the URL is malformed")
        default: self = .library(reason: "\(said) (code \(code.rawValue))")
        }
    }

    /// What libcurl was about when its time was up, from what it knows by then.
    private static func phase(_ handle: EasyHandle) -> TransportError.Phase {
        if handle.offset(CURLINFO_NAMELOOKUP_TIME_T) == 0 { return .resolve }
        // A port of our own is the mark of a TCP connection; `CONNECT_TIME` is not set before TLS is there, too (7.88).
        return handle.long(CURLINFO_LOCAL_PORT) == 0 ? .connect : .tls
    }

    /// Why a certificate was refused. libcurl compares the name before it asks for OpenSSL's verdict (`X509_V_ERR_*`).
    private static func distrust(_ handle: EasyHandle, _ said: String) -> TransportError.TLSFault {
        if said.contains("target host name") { return .wrongName }
        return switch handle.long(CURLINFO_SSL_VERIFYRESULT) {
        case 9, 10: .outOfDate(reason: said)
        default: .untrusted(reason: said)
        }
    }
}
