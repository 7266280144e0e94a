/// Why a value given by a person cannot be taken: one clause, to be put behind the name of what was read.
public struct ParseFault: Error, Hashable, CustomStringConvertible {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }

    public var description: String { reason }
}
