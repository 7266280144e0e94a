import Logging
import Servables

/// What a command was told to do, complete and checked: the only form in which settings leave this folder.
struct Configuration: Hashable, Sendable {
    /// In the order given; names differ from each other. Empty only for commands that need none.
    var models: [DesiredModel]
    /// Where a list of further models is: the key of an object, or the path of a file.
    var modelsConfig: SourceLocation?
    /// Which files beside the versions are synced.
    var modelFiles: NamePatterns
    /// Where the list of models that the server reads is written, an absolute path; `nil`: nowhere.
    var renderModelsConfig: String?
    /// What a model has that says nothing of its own.
    var ready: ReadinessRule
    var settle: Duration
    /// Absolute and without `.`, `..` or a slash at its end; so is every other path here.
    var root: String
    var stateDirectory: String
    var pollInterval: Duration
    /// `once` gives up after this; `nil`: never.
    var timeout: Duration?
    var verify: VerifyMode
    /// Between two comparisons of a published version with its source.
    var recheckInterval: Duration
    var reuse: ReuseMode
    var onChanged: ChangeAction
    var pruneDelay: Duration
    var prunesForeign: Bool
    var prunesFirst: Bool
    /// Whether `verify` has damaged versions fetched anew.
    var repairs: Bool
    var maxVolume: ByteCount?
    var keepFree: KeepFree
    var sync: SyncTime
    /// Permission bits, 0 … 0o777.
    var fileMode: UInt16
    var directoryMode: UInt16
    var s3: S3Settings
    /// Connections at most.
    var concurrency: Int
    /// `nil`: chosen by the scheduler.
    var partSize: ByteCount?
    /// Bytes a second from S3; `nil`: as they come.
    var maxBandwidth: ByteCount?
    var republishPause: Duration
    /// `nil`: nobody confirms.
    var server: ServerSetting?
    var republishRefused: Int
    var confirmTimeout: Duration
    var hooks: HookSettings
    /// `nil`: off.
    var httpListen: HTTPListen?
    var logFormat: LogFormatSetting
    var logLevel: Logger.Level
}

/// How strictly the bytes of a file are compared with what the store says of them.
enum VerifyMode: String, Hashable, Sendable, CaseIterable {
    /// By the strongest that the store offers.
    case best
    /// An object for which the store offers no checksum is refused.
    case require
    /// By size alone.
    case size
}

/// What is left free on the volume.
enum KeepFree: Hashable, Sendable {
    case bytes(ByteCount)
    /// 0 … 99, of the volume's size.
    case percent(Int)
}

/// What `--log-format` takes.
enum LogFormatSetting: String, Hashable, Sendable, CaseIterable {
    case text
    case json
}

/// Where the bucket stands in a URL.
enum S3AddressingSetting: String, Hashable, Sendable, CaseIterable {
    case auto
    case path
    case virtual
}

/// The S3 settings as they were given; `nil` is left to the environment, the profile and the bucket, in the S3 room's order.
struct S3Settings: Hashable, Sendable {
    var endpoint: String?
    var region: String?
    var addressing: S3AddressingSetting?
    var profile: String?
    var isAnonymous: Bool?
    var requestPayer: Bool?
    /// An absolute path.
    var caFile: String?
    var skipsTLSVerification: Bool?
}

/// The server that confirms what is published.
struct ServerSetting: Hashable, Sendable, CustomStringConvertible {
    enum Kind: String, Hashable, Sendable, CaseIterable {
        case tensorFlowServing = "tensorflow-serving"
        case triton
    }
    var kind: Kind
    /// Of its HTTP interface.
    var url: String

    var description: String { "\(kind.rawValue)=\(url)" }
}

/// What is to be done after each change of a base path.
struct HookSettings: Hashable, Sendable {
    /// The program and its arguments; `nil`: none.
    var command: [String]?
    /// `nil`: none. What stands behind its host may be a secret.
    var webhook: String?
    var timeout: Duration
    /// An absolute path.
    var secretFile: String?
}

/// The address of the HTTP endpoints.
struct HTTPListen: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address without brackets; `nil`: every address of the machine.
    var host: String?
    /// 0: the system chooses.
    var port: UInt16
    /// Whether somebody asked for this address: only then is it an error that it cannot be had.
    var isExplicit: Bool

    var description: String {
        guard let host else { return ":\(port)" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
