import CExpat

/// What a store's XML may be made of; past that it is refused.
struct XMLLimits: Sendable {
    /// Elements within elements: a listing has four, `ListBucketResult`/`Contents`/`Owner`/`ID`.
    var depth = 8
    /// Bytes of text in one element. A key has 1,024 bytes at most, three times as many when it is percent-encoded.
    var textBytes = 4 << 10
    /// Bytes of the whole document. A page of 1,000 longest keys has 4 MB.
    var documentBytes = 8 << 20
}

/// Why a document was given up.
enum XMLFault: Error, Hashable {
    /// It ends too early or is not well-formed: as after a cut connection. Asking again may help.
    case malformed(String)
    /// It is something that no honest store sends: a document type, entities, too deep, too large.
    case refused(String)

    var reason: String {
        switch self {
        case .malformed(let reason), .refused(let reason): reason
        }
    }
}

/// Scans a document as its bytes come: expat's events, with text gathered by element and limits kept. Belongs to one thread
/// at a time. A document type declaration is refused, and with it every entity but the five of XML itself.
final class XMLScanner {
    private let parser: OpaquePointer
    private let limits: XMLLimits
    private let handler: any XMLHandler
    private var elements = Elements()
    private var taken = 0
    private var fault: XMLFault?

    /// Those that are open. One value, so that Swift checks once an event that nobody else changes it.
    private struct Elements {
        /// Their names, from the root.
        var path: [String] = []
        /// What stands in the innermost since the last tag.
        var text: [UInt8] = []
    }

    /// - Returns: `nil` where there is no memory for a parser.
    init?(_ handler: any XMLHandler, limits: XMLLimits = XMLLimits()) {
        guard let parser = XML_ParserCreate("UTF-8") else { return nil }
        self.parser = parser
        self.handler = handler
        self.limits = limits
        XML_SetElementHandler(
            parser, { data, name, _ in XMLScanner.of(data)?.started(name) }, { data, _ in XMLScanner.of(data)?.ended() })
        XML_SetCharacterDataHandler(parser) { XMLScanner.of($0)?.characters($1, $2) }
        XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, _ in
            XMLScanner.of(data)?.step { (_) throws(XMLFault) in throw .refused("it declares a document type") }
        }
    }

    deinit { XML_ParserFree(parser) }

    /// Takes the next bytes. After a fault all further ones are ignored, and ``finish()`` throws it.
    /// - Returns: whether more bytes make sense.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard fault == nil else { return false }
        taken += bytes.count
        guard taken <= limits.documentBytes else {
            fault = .refused("it is larger than \(limits.documentBytes) bytes")
            return false
        }
        parse(bytes, isLast: false)
        return fault == nil
    }

    /// The document is complete.
    func finish() throws(XMLFault) {
        if fault == nil { parse(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true) }
        if let fault { throw fault }
    }

    private func parse(_ bytes: UnsafeRawBufferPointer, isLast: Bool) {
        // The handlers run within this call only, so the scanner outlives the pointer.
        XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
        let status = XML_Parse(
            parser, bytes.bindMemory(to: CChar.self).baseAddress, CInt(bytes.count), isLast ? CInt(XML_TRUE) : CInt(XML_FALSE))
        guard status != XML_STATUS_OK, fault == nil else { return }
        let reason = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "not well-formed"
        fault = .malformed("\(reason) in line \(XML_GetCurrentLineNumber(parser))")
    }

    private static func of(_ data: UnsafeMutableRawPointer?) -> XMLScanner? {
        data.map { Unmanaged<XMLScanner>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Does what an event asks for, unless an earlier one has had a fault.
    private func step(_ take: (inout Elements) throws(XMLFault) -> Void) {
        guard fault == nil else { return }
        do throws(XMLFault) {
            try take(&elements)
        } catch {
            fault = error
            XML_StopParser(parser, XML_Bool(XML_FALSE))
        }
    }

    private func started(_ name: UnsafePointer<XML_Char>?) {
        guard let name else { return }
        step { (elements) throws(XMLFault) in
            elements.path.append(String(cString: name))
            elements.text.removeAll(keepingCapacity: true)
            guard elements.path.count <= limits.depth else { throw .refused("its elements are nested too deeply") }
            handler.started(elements.path)
        }
    }

    private func ended() {
        step { (elements) throws(XMLFault) in
            let content = String(decoding: elements.text, as: UTF8.self)
            elements.text.removeAll(keepingCapacity: true)
            try handler.ended(elements.path, text: content)
            elements.path.removeLast()
        }
    }

    private func characters(_ bytes: UnsafePointer<XML_Char>?, _ count: CInt) {
        guard let bytes, count > 0 else { return }
        step { (elements) throws(XMLFault) in
            guard elements.text.count + Int(count) <= limits.textBytes else {
                throw .refused("an element holds more than \(limits.textBytes) bytes of text")
            }
            elements.text.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        }
    }
}

/// Makes values of a document's elements.
protocol XMLHandler: AnyObject {
    /// An element begins. `path` names the open elements from the root to it.
    func started(_ path: [String])
    /// An element ends. `text` is what stood between its last tag and this one: the whole content of an element without
    /// elements.
    func ended(_ path: [String], text: String) throws(XMLFault)
}
