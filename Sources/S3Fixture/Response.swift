import NIOCore
import NIOHTTP1

/// An answer before any fault touches it.
struct Response: Sendable {
    var status: Int
    var headers = HTTPHeaders()
    var content: ObjectContent = .memory(ByteBuffer())
    /// Which part of the content is the body.
    var range = 0..<0

    init(status: Int) { self.status = status }

    /// An XML body.
    mutating func setBody(_ xml: ByteBuffer) {
        headers.replaceOrAdd(name: "Content-Type", value: "application/xml")
        content = .memory(xml)
        range = 0..<xml.readableBytes
    }
}
