/// Scans a `saved_model.pb` by protobuf's wire format, and jumps over everything that is not asked for: of a graph of hundreds of
/// megabytes a few kilobytes are looked at.
///
/// The fields are those of TensorFlow's `saved_model.proto` and `meta_graph.proto`: `SavedModel.meta_graphs` = 2,
/// `MetaGraphDef.saver_def` = 3 and `.asset_file_def` = 6, `AssetFileDef.filename` = 2. Before TensorFlow 1.14 the `AssetFileDef`s were in
/// a collection, where it still looks for them: `MetaGraphDef.collection_def` = 4, of which the one of the name
/// `saved_model_assets` (`key` = 1) has in its `value` (2) an `any_list` (5) of messages (`value` = 1) with their bytes (`value` = 2).
struct SavedModelBinaryScan: SavedModelScan {
    private enum Message {
        case savedModel
        case metaGraph
        case assetFile
        case collectionEntry
        case collection
        case anyList
        case any
    }

    private struct Frame {
        let message: Message
        let end: Int64
    }

    private enum WireType: UInt64 {
        case varint = 0
        case fixed64 = 1
        case lengthDelimited = 2
        case fixed32 = 5
    }

    /// Longer than any path that could be a file of a version.
    private static let longestName: Int64 = 4_096

    private(set) var needs = SavedModelNeeds()
    private var hasMetaGraph = false
    /// Whether the collection that is being looked at is that of the assets.
    private var isAssets = false
    private static let assetsKey = Array("saved_model_assets".utf8)
    private var position: Int64 = 0
    private var frames: [Frame]

    /// `size` is the file's, in bytes.
    init(size: Int64) { frames = [Frame(message: .savedModel, end: size)] }

    mutating func take(_ bytes: [UInt8], at start: Int64) throws(SavedModelFault) -> Int64? {
        var cursor = Cursor(bytes: bytes, start: start)
        while true {
            while let frame = frames.last, position == frame.end { frames.removeLast() }
            guard let frame = frames.last else {
                guard hasMetaGraph else { throw SavedModelFault("it holds no meta graph") }
                return nil
            }
            guard cursor.move(to: position), let next = try field(in: frame, &cursor) else {
                // As many bytes as any field of ours needs were at hand, or there are no more.
                if position == start { throw SavedModelFault("it is cut off") }
                return position
            }
            position = next
        }
    }

    /// Looks at one field.
    /// - Returns: where the next one begins; `nil` where the bytes at hand end before it can be told.
    private mutating func field(in frame: Frame, _ cursor: inout Cursor) throws(SavedModelFault) -> Int64? {
        guard let tag = try cursor.varint(before: frame.end) else { return nil }
        let number = tag >> 3
        guard number > 0, number < 1 << 29, let type = WireType(rawValue: tag & 7) else {
            throw SavedModelFault("it is no protobuf, as byte \(position) shows")
        }
        let length: UInt64
        switch type {
        case .varint:
            guard try cursor.varint(before: frame.end) != nil else { return nil }
            length = 0
        case .fixed64: length = 8
        case .fixed32: length = 4
        case .lengthDelimited:
            guard let value = try cursor.varint(before: frame.end) else { return nil }
            length = value
        }
        guard length <= UInt64(frame.end - cursor.offset) else {
            throw SavedModelFault("it is no protobuf, or cut off: a field at byte \(position) is longer than what holds it")
        }
        let end = cursor.offset + Int64(length)
        if frame.message == .savedModel, number == 2, type != .lengthDelimited {
            throw SavedModelFault("it is another protobuf than a SavedModel")
        }
        guard type == .lengthDelimited else { return end }
        if let inner = message(number, in: frame.message) {
            if inner == .metaGraph { hasMetaGraph = true }
            if inner == .collectionEntry { isAssets = false }
            frames.append(Frame(message: inner, end: end))
            return cursor.offset
        }
        switch (frame.message, number) {
        case (.metaGraph, 3): needs.needsVariables = true
        case (.collectionEntry, 1):
            guard Int64(length) <= Self.longestName else { return end }
            guard let key = cursor.bytes(upTo: end) else { return nil }
            isAssets = key == Self.assetsKey
        case (.assetFile, 2):
            guard Int64(length) <= Self.longestName else { throw SavedModelFault("it names an asset that no file can be") }
            guard let name = cursor.bytes(upTo: end) else { return nil }
            guard needs.add(asset: name) else { throw SavedModelFault("it names more assets than a version may have files") }
        default: break
        }
        return end
    }

    /// The message that a field holds, if its fields count.
    private func message(_ number: UInt64, in message: Message) -> Message? {
        switch (message, number) {
        case (.savedModel, 2): .metaGraph
        case (.metaGraph, 6): .assetFile
        case (.metaGraph, 4): .collectionEntry
        case (.collectionEntry, 2): isAssets ? .collection : nil
        case (.collection, 5): .anyList
        case (.anyList, 1): .any
        case (.any, 2): .assetFile
        default: nil
        }
    }
}

/// Reads on in the bytes at hand.
private struct Cursor {
    private let window: [UInt8]
    private let start: Int64
    private var index = 0

    init(bytes: [UInt8], start: Int64) {
        window = bytes
        self.start = start
    }

    /// Of the next byte, in the file.
    var offset: Int64 { start + Int64(index) }

    /// - Returns: whether the byte there is at hand.
    mutating func move(to position: Int64) -> Bool {
        guard position >= start, position < start + Int64(window.count) else { return false }
        index = Int(position - start)
        return true
    }

    /// - Returns: `nil` where it goes on behind the bytes at hand.
    /// - Throws: where it goes on behind `end`, or for longer than a number does.
    mutating func varint(before end: Int64) throws(SavedModelFault) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard offset < end else { throw SavedModelFault("it is no protobuf, or cut off: a number ends at no byte") }
            guard index < window.count else { return nil }
            let byte = window[index]
            index += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw SavedModelFault("it is no protobuf: a number has too many bytes")
    }

    func bytes(upTo end: Int64) -> [UInt8]? {
        let last = index + Int(end - offset)
        return last <= window.count ? Array(window[index..<last]) : nil
    }
}
