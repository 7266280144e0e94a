@testable import Transfer

/// The head of an answer, line by line as libcurl hands it out.
@Sendable func fuzzHTTPHead(_ input: UnsafeRawBufferPointer) {
    var parser = HeadParser()
    var rest = input[...]
    var taken = 0
    while !rest.isEmpty {
        let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { rest.index(after: $0) } ?? rest.endIndex
        let line = rest[rest.startIndex..<end]
        rest = rest[end...]
        taken += line.count
        switch parser.take(UnsafeRawBufferPointer(rebasing: line)) {
        case .more: continue
        case .tooLarge:
            check(taken > HeadParser.limit, "a head is refused that is small enough")
            return
        case .complete(let head):
            check(taken <= HeadParser.limit, "a head is larger than it may be")
            if let length = head.contentLength { check(length >= 0, "a length is negative") }
            if let range = head.contentRange {
                if let range = range.range { check(range.lowerBound >= 0 && !range.isEmpty, "a range is none") }
                if let total = range.total { check(total >= 0, "a total is negative") }
                if let part = range.range, let total = range.total { check(part.upperBound <= total, "a range passes its total") }
            }
            return
        }
    }
}
