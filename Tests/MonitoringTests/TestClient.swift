import Dispatch
import FileIO
import Glibc

/// A client that says exactly the bytes it is told, on a thread of its own since its calls block.
final class TestClient: Sendable {
    private let descriptor: CInt
    private let queue = DispatchQueue(label: "test-client")

    init(port: Int) async {
        descriptor = await withHandover { handover in
            DispatchQueue.global().async {
                let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = in_port_t(port).bigEndian
                address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
                // Nothing here waits for ever.
                var limit = timeval(tv_sec: 10, tv_usec: 0)
                setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                let result = withUnsafeBytes(of: &address) { bytes in
                    bytes.withMemoryRebound(to: sockaddr.self) { connect(descriptor, $0.baseAddress, socklen_t(bytes.count)) }
                }
                precondition(result == 0, "cannot connect")
                handover.give(descriptor)
            }
        }
    }

    deinit { close(descriptor) }

    private func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withHandover { handover in queue.async { handover.give(work()) } }
    }

    func send(_ text: String) async {
        let bytes = Array(text.utf8)
        await run { [descriptor] in
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
                }
                if count <= 0 { return }
                sent += count
            }
        }
    }

    struct Answer: Equatable {
        var status: Int
        /// Names in lower case.
        var fields: [String: String]
        var body: String
    }

    /// Reads one answer with a `Content-Length`.
    /// - Parameter hasBody: `false` for the answer to a HEAD.
    /// - Returns: `nil` when the connection ended before it.
    func answer(hasBody: Bool = true) async -> Answer? {
        await run { [descriptor] in
            var text: [UInt8] = []
            var byte: UInt8 = 0
            while !text.suffix(4).elementsEqual("\r\n\r\n".utf8) {
                guard recv(descriptor, &byte, 1, 0) == 1 else { return nil }
                text.append(byte)
            }
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\r\n")
            guard let line = lines.first, line.hasPrefix("HTTP/1.1 "), let status = Int(line.dropFirst(9).prefix(3)) else {
                return nil
            }
            var fields: [String: String] = [:]
            for field in lines.dropFirst() {
                let parts = field.split(separator: ":", maxSplits: 1)
                fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
            }
            var body: [UInt8] = []
            let length = hasBody ? fields["content-length"].flatMap { Int($0) } ?? 0 : 0
            while body.count < length {
                guard recv(descriptor, &byte, 1, 0) == 1 else { return nil }
                body.append(byte)
            }
            return Answer(status: status, fields: fields, body: String(decoding: body, as: UTF8.self))
        }
    }

    func get(_ path: String, _ fields: String = "") async -> Answer? {
        await send("GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
        return await answer()
    }

    /// Whether the server ends the connection; what comes before that is thrown away.
    func isEnded() async -> Bool {
        await run { [descriptor] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count == 0 || (count < 0 && errno == ECONNRESET) { return true }
                if count < 0 { return false }
            }
        }
    }
}
