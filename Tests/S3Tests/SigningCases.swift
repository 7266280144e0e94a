import PlainJSON
import Servables

@testable import S3

/// Requests to sign, made up the same way at each run.
struct GeneratedRequest: Sendable {
    let endpoint: String
    let key: String
    let isHead: Bool
    let query: [(name: String, value: String)]
    let headers: [(name: String, value: String)]
    let region: String
    let token: String?

    static let time = Timestamp(secondsSinceEpoch: 1_705_280_523)
    static let timeText = "20240115T010203Z"
    static let keyID = "AKIAIOSFODNN7EXAMPLE"
    static let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

    var keys: Credentials { Credentials(accessKeyID: Self.keyID, secretAccessKey: Self.secret, sessionToken: token) }

    /// Scheme, host and port as they are sent.
    var origin: String {
        get throws {
            let url = try EndpointURL(parsing: endpoint)
            return "\(url.scheme.rawValue)://\(url.authority)"
        }
    }

    /// One line for the oracle.
    var json: JSON {
        func pairs(_ values: [(name: String, value: String)]) -> JSON {
            .array(values.map { [.string($0.name), .string($0.value)] })
        }
        return [
            "endpoint": .string(endpoint), "key": .string(key), "method": .string(isHead ? "HEAD" : "GET"), "query": pairs(query),
            "headers": pairs(headers), "region": .string(region), "time": .string(Self.timeText), "id": .string(Self.keyID),
            "secret": .string(Self.secret), "token": .string(token ?? ""),
        ]
    }

    /// Keys that tell encoders apart: every ASCII character, what S3 does not normalise, what looks encoded already.
    static let tellingKeys: [String] =
        (UInt8(0)...127).map { "a\(Character(Unicode.Scalar($0)))b" }
        + [
            "a b+c%d=e@f~g", "%", "%2", "%2F", "%252F", "+", "=", "~", "/", "//", "a//b", "a/./b", "a/../b", "../a", "./a", "..",
            ".",
            "a/", "/a", "a/b/", "?a=b&c#d", "a;b,c:d", "ü€/😀", "e\u{301}", "\u{FEFF}", "\u{2028}",
            "\u{7FF}\u{800}\u{FFFF}\u{10000}",
            String(repeating: "k", count: 1024),
        ]

    /// `count` requests: the telling keys first, then keys, queries and headers by dice.
    static func all(count: Int, seed: UInt64) -> [GeneratedRequest] {
        var dice = Dice(state: seed)
        return (0..<count).map { index in
            GeneratedRequest(index < tellingKeys.count ? tellingKeys[index] : dice.text(1...40), &dice)
        }
    }

    private init(_ key: String, _ dice: inout Dice) {
        self.key = key
        endpoint = dice.pick([
            "https://b.s3.eu-west-1.amazonaws.com", "http://minio:9000/b", "https://h:443/b", "http://h:80/base/b",
            "http://[fd00::1]:9/b",
        ])
        isHead = dice.next(4) == 0
        region = dice.pick(["eu-west-1", "us-east-1", "auto"])
        token = dice.next(3) == 0 ? "t/+=\(dice.next(1000))" : nil
        query = (0..<dice.next(5)).map { _ in
            // Few names, so that they repeat.
            (
                dice.next(2) == 0 ? dice.pick(["a", "A", "b", "a-b", "a=", "prefix"]) : dice.text(1...6),
                dice.next(4) == 0 ? "" : dice.text(0...12)
            )
        }
        headers = dice.next(2) == 0 ? [] : [("range", "bytes=0-\(dice.next(1000))"), ("if-match", " \"\(dice.next(10))  x\" ")]
    }
}

/// A seeded generator.
struct Dice {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[next(values.count)] }

    /// Text of awkward pieces and of any characters.
    mutating func text(_ lengths: ClosedRange<Int>) -> String {
        let count = lengths.lowerBound + next(lengths.count)
        return (0..<count).map { _ in
            switch next(4) {
            case 0: pick(["/", "//", "/./", "/../", "%", "%20", "+", "=", "~", " ", "&", "?", "ä", "€", "😀", "'", "*", "(", "!"])
            case 1: String(Unicode.Scalar(UInt8(next(128))))
            case 2: String(Unicode.Scalar(UInt32(0xA0 + next(0xD000))) ?? "x")
            default: pick(["a", "B", "7", "-", "_", "."])
            }
        }
        .joined()
    }
}
