/// What flags, their `ASPIRED_*` variables and a model's URI say of S3; `nil` where they say nothing.
public struct S3Options: Sendable {
    public var endpoint: Sourced<String>?
    public var region: Sourced<String>?
    public var addressing: Sourced<Addressing>?
    public var profile: Sourced<String>?
    public var anonymous: Sourced<Bool>?
    public var requestPayer: Sourced<Bool>?
    public var caFile: Sourced<String>?
    public var skipTLSVerify: Sourced<Bool>?

    public init() {}
}
