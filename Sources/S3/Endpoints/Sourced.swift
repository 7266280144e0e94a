/// A setting and where it came from.
public struct Sourced<Value: Sendable>: Sendable {
    public let value: Value
    /// The flag, the variable, the profile, or `default`.
    public let origin: String

    public init(_ value: Value, origin: String) {
        self.value = value
        self.origin = origin
    }
}

extension Sourced: Equatable where Value: Equatable {}
extension Sourced: Hashable where Value: Hashable {}
