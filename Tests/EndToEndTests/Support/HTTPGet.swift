import Glibc

/// An answer over HTTP.
struct HTTPReply: Sendable {
    let status: Int
    let body: String
}

/// Asks for a path by a plain HTTP/1.1 request.
/// - Parameters:
///   - address: `127.0.0.1:PORT`.
///   - path: what to ask for.
///   - method: `GET` if not given.
/// - Returns: `nil` where nobody answers.
/// - Throws: `SystemFault` if there is no socket.
func httpGet(_ address: String, _ path: String, method: String = "GET") async throws -> HTTPReply? {
    try await blocking { () -> HTTPReply? in
        guard let port = address.split(separator: ":").last.flatMap({ UInt16($0) }) else { return nil }
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw SystemFault("make a socket", errno) }
        defer { close(socket) }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        peer.sin_port = port.bigEndian
        peer.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return nil }
        let request = Array("\(method) \(path) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n".utf8)
        guard send(socket, request, request.count, CInt(MSG_NOSIGNAL)) == request.count else { return nil }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n"), let status = Int(text.dropFirst(9).prefix(3)) else { return nil }
        return HTTPReply(status: status, body: String(text[end.upperBound...]))
    }
}
