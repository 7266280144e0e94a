/// What holds secrets and is public in none of its parts: they are in no text made of it, not even by `dump`.
protocol Undisclosed: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension Undisclosed {
    var description: String { "\(Self.self)(…)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}
