import Agent
import FileIO
import ModelSources
import Monitoring
import S3
import Servables
import SystemPackage
import Transfer
import Volume

/// The rooms put together as a command's configuration says.
struct Assembly: Sendable {
    let volume: Volume
    let workers = AgentWorkers()
    let settings: AgentSettings
    let time = SystemTimeSource()
    let telemetry: any Telemetry
    private let configuration: Configuration
    private let sources: [String: any ModelSource]
    private let http: HTTPClient?

    /// - Throws: where the S3 settings, a profile, or the certificate authorities are wrong.
    init(_ configuration: Configuration, environment: [String: String], telemetry: any Telemetry) throws(Failure) {
        self.configuration = configuration
        self.telemetry = telemetry
        settings = AgentSettings(
            pollInterval: configuration.pollInterval,
            rules: PlanRules(pruneDelay: configuration.pruneDelay, prunesForeign: configuration.prunesForeign),
            republishPause: configuration.republishPause, recheckInterval: configuration.recheckInterval,
            onChanged: configuration.onChanged, requiresVerification: configuration.verify == .require,
            reuse: configuration.reuse)
        let reader = WorkerThread(name: "aspired-read", threads: 2)
        volume = Volume(
            layout: VolumeLayout(root: FilePath(configuration.root), state: FilePath(configuration.stateDirectory)),
            settings: VolumeSettings(
                fileMode: UInt16(configuration.fileMode), directoryMode: UInt16(configuration.directoryMode),
                maxVolume: configuration.maxVolume?.bytes, keepFree: configuration.keepFree.ofVolume, sync: configuration.sync),
            time: time, reader: reader)
        let maker = SourceMaker(configuration, environment: environment, reader: reader, telemetry: telemetry, time: time)
        (sources, http) = try maker.make()
    }

    func agent() -> Agent {
        Agent(
            program: ProgramVersion.current, models: configuration.models, settings: settings, volume: volume, workers: workers,
            telemetry: telemetry, time: time, makeSource: source(of:))
    }

    /// The source of one of the configuration's models.
    @Sendable
    func source(of model: DesiredModel) -> any ModelSource {
        guard let source = sources[model.name] else {
            preconditionFailure("a source was made for each model of the configuration")
        }
        return source
    }

    /// Ends the transfer threads.
    func shutdown() async { await http?.shutdown() }
}

extension KeepFree {
    fileprivate var ofVolume: VolumeSettings.KeepFree {
        switch self {
        case .bytes(let size): .bytes(size.bytes)
        case .percent(let percent): .percent(Double(percent))
        }
    }
}

/// Makes the source of each model; S3 clients are shared by models of one endpoint and region.
private struct SourceMaker {
    let configuration: Configuration
    let environment: [String: String]
    let reader: WorkerThread
    let telemetry: any Telemetry
    let time: any TimeSource
    let scheduler: FetchScheduler

    init(
        _ configuration: Configuration, environment: [String: String], reader: WorkerThread, telemetry: any Telemetry,
        time: any TimeSource
    ) {
        self.configuration = configuration
        self.environment = environment
        self.reader = reader
        self.telemetry = telemetry
        self.time = time
        var concurrency = configuration.concurrency
        // What is already on its way when the bandwidth is used up comes all the same: few connections hold little.
        if let limit = configuration.maxBandwidth { concurrency = min(concurrency, max(2, Int(clamping: limit.bytes >> 20))) }
        scheduler = FetchScheduler(
            concurrency: concurrency,
            partSize: configuration.partSize?.bytes ?? FetchScheduler.standardPartSize,
            comparesChecksums: configuration.verify != .size, time: time)
    }

    func make() throws(Failure) -> (sources: [String: any ModelSource], http: HTTPClient?) {
        var sources: [String: any ModelSource] = [:]
        var clients: [S3Place: S3Client] = [:]
        var shared = Shared()
        for model in configuration.models {
            switch model.source {
            case .directory(let path):
                sources[model.name] = FileSource(
                    directory: FilePath(path), ready: model.ready, settle: model.settle, fileSystem: FileSystem(), reader: reader,
                    time: time)
            case .s3(let bucket, let prefix, let endpoint, let region):
                let place = S3Place(endpoint: endpoint, region: region)
                let client: S3Client
                if let known = clients[place] { client = known } else { client = try makeClient(place, &shared) }
                clients[place] = client
                // No outage: told at the start.
                try client.configuration.check(bucket: bucket)
                sources[model.name] = S3Source(
                    bucket: bucket, prefix: prefix, client: client, scheduler: scheduler, ready: model.ready,
                    settle: model.settle, model: model.name, telemetry: telemetry, time: time)
            }
        }
        return (sources, shared.http)
    }

    /// What all clients of S3 have in common.
    private struct Shared {
        var http: HTTPClient?
        var credentials: CredentialChain?
    }

    private struct S3Place: Hashable {
        let endpoint: String?
        let region: String?
    }

    private func makeClient(_ place: S3Place, _ shared: inout Shared) throws(Failure) -> S3Client {
        let s3 = try configuration.s3.resolved(environment: environment, endpoint: place.endpoint, region: place.region)
        var transport = s3.transport(version: ProgramVersion.current)
        transport.maxBandwidth = configuration.maxBandwidth?.bytes
        let http: HTTPClient
        if let known = shared.http {
            http = known
        } else {
            do throws(TransportError) {
                http = try HTTPClient(transport)
            } catch {
                throw Failure(.configuration, "set up HTTP: \(error)")
            }
        }
        shared.http = http
        // One chain: what one model's requests have renewed serves the others, and no role is assumed twice.
        let credentials =
            shared.credentials
            ?? CredentialChain(
                environment: environment, profile: configuration.s3.profile, region: s3.region.value, http: http,
                transport: transport, time: time, telemetry: telemetry)
        shared.credentials = credentials
        return S3Client(configuration: s3, http: http, credentials: credentials, time: time, telemetry: telemetry)
    }
}

extension S3Settings {
    /// What S3 makes of the settings and of its own environment; a model's own endpoint and region come first.
    func resolved(
        environment: [String: String], endpoint modelEndpoint: String? = nil, region modelRegion: String? = nil
    ) throws(Failure) -> S3Configuration {
        func sourced<Value: Sendable>(_ value: Value?, _ origin: String) -> Sourced<Value>? {
            value.map { Sourced($0, origin: origin) }
        }
        var options = S3Options()
        options.endpoint = sourced(modelEndpoint, "?endpoint=") ?? sourced(endpoint, "--s3-endpoint")
        options.region = sourced(modelRegion, "?region=") ?? sourced(region, "--s3-region")
        options.addressing = sourced(addressing.flatMap { Addressing(rawValue: $0.rawValue) }, "--s3-addressing")
        options.profile = sourced(profile, "--s3-profile")
        options.anonymous = sourced(isAnonymous, "--s3-anonymous")
        options.requestPayer = sourced(requestPayer, "--s3-request-payer")
        options.caFile = sourced(caFile, "--s3-ca-file")
        options.skipTLSVerify = sourced(skipsTLSVerification, "--s3-insecure-skip-tls-verify")
        let named = try Profile(environment: environment, chosen: profile, read: readProfileFile)
        return try S3Configuration(options: options, environment: environment, profile: named)
    }
}
