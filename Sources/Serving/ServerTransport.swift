import PlainJSON
import Servables
public import Transfer

extension HTTPClientConfiguration {
    /// How to ask a server that is near: one that does not answer soon is busy loading, or gone, and is asked again.
    /// - Parameter version: of aspired.
    /// - Returns: what a client is made with.
    public static func asking(version: String) -> HTTPClientConfiguration {
        var transport = HTTPClientConfiguration(version: version)
        transport.threads = 1
        transport.connectTimeout = .seconds(2)
        transport.responseHeaderTimeout = .seconds(5)
        transport.maxConnections = 4
        return transport
    }

    /// How to tell it to load: it answers when that has ended, which takes as long as it takes.
    /// - Parameter version: of aspired.
    /// - Returns: what a client is made with.
    public static func loading(version: String) -> HTTPClientConfiguration {
        var transport = asking(version: version)
        transport.responseHeaderTimeout = .seconds(24 * 3_600)
        transport.maxConnections = 32
        return transport
    }
}

extension TransportError {
    /// Whether nobody is there. One that is there may be slow: loading keeps its threads busy.
    var isAway: Bool {
        switch kind {
        case .connect, .closed, .reset, .bodyTooShort: true
        default: false
        }
    }
}

extension ServerView {
    /// By what a server lists of a model's versions. One that has no number that can be a version of ours is none of ours.
    /// - `state`: reads an entry's state; `nil` for one that nobody knows.
    init(_ entries: [JSON], state: (JSON) -> ServedState?) {
        var states: [Version: ServedState] = [:]
        for entry in entries {
            guard let version = entry["version"]?.string.flatMap({ Version($0) }), let state = state(entry) else { continue }
            states[version] = state
        }
        self.init(states)
    }
}

/// What a server says for people.
enum ServerWords {
    private static let limit = 500

    /// Somebody else's words, on one line.
    static func line(_ text: String) -> String {
        let clean = String(
            text.unicodeScalars.prefix(limit).map { $0.properties.generalCategory == .control ? " " : Character($0) })
        return text.unicodeScalars.count > limit ? clean + "…" : clean
    }
}
