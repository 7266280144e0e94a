import Agent
import FileIO
import ModelSources
import Monitoring
import S3
import Servables
import Serving
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
    let configuration: Configuration
    /// Of `--models-config`.
    let listReader: ModelListReader?
    private let sources: SourceMaker
    private let hooks: ChangeHooks?
    private let hookClient: HTTPClient?
    /// Confirms what is published.
    private let server: (any ServerLink)?
    private let serverClients: [HTTPClient]
    /// What the server reads.
    private let list: ServedList?

    /// - Throws: where the S3 settings, a profile, or the certificate authorities are wrong.
    init(
        _ configuration: Configuration, environment: [String: String], telemetry: any Telemetry, onlyRepairs: Bool = false
    ) throws(Failure) {
        self.configuration = configuration
        self.telemetry = telemetry
        settings = AgentSettings(
            pollInterval: configuration.pollInterval,
            rules: PlanRules(
                pruneDelay: configuration.pruneDelay, prunesForeign: configuration.prunesForeign,
                republishRefused: configuration.republishRefused, republishPause: configuration.republishPause),
            republishPause: configuration.republishPause, recheckInterval: configuration.recheckInterval,
            onChanged: configuration.onChanged, requiresVerification: configuration.verify == .require,
            reuse: configuration.reuse, confirmTimeout: configuration.confirmTimeout,
            syncsModelFiles: !configuration.modelFiles.isEmpty && !onlyRepairs, prunesFirst: configuration.prunesFirst,
            onlyRepairs: onlyRepairs)
        let plan = try configuration.hooks.plan(environment: environment)
        hooks = ChangeHooks(plan, time: time, telemetry: telemetry)
        hookClient = plan.webhook?.http
        let isTriton = configuration.server?.kind == .triton
        (server, serverClients) = try configuration.server?.link() ?? (nil, [])
        let reader = WorkerThread(name: "aspired-read", threads: 2)
        volume = Volume(
            layout: VolumeLayout(root: FilePath(configuration.root), state: FilePath(configuration.stateDirectory)),
            settings: VolumeSettings(
                fileMode: UInt16(configuration.fileMode), directoryMode: UInt16(configuration.directoryMode),
                maxVolume: configuration.maxVolume?.bytes, keepFree: configuration.keepFree.ofVolume, sync: configuration.sync,
                // It goes by the time of change, which a link sets; and polling it does not start beside a model without a version.
                makesHardLinks: !isTriton, makesEmptyBasePaths: !isTriton),
            time: time, reader: reader, onChange: { [hooks] change in hooks?.tell(change) })
        if let file = configuration.renderModelsConfig.map(FilePath.init(_:)) {
            try file.checkHoldsFile(of: "--render-models-config")
            list = ServedList(
                path: file, root: volume.layout.root, isAsked: server != nil, worker: WorkerThread(name: "aspired-list"),
                telemetry: telemetry, time: time)
        } else {
            list = nil
        }
        let clients = S3Clients(configuration, environment: environment, telemetry: telemetry, time: time)
        sources = SourceMaker(configuration, clients: clients, reader: reader, telemetry: telemetry, time: time)
        listReader = configuration.modelsConfig.map { ModelListReader(place: $0, clients: clients, reader: reader) }
    }

    func agent(_ set: ModelSet) -> Agent {
        Agent(
            program: ProgramVersion.current, set: set, settings: settings, volume: volume, workers: workers,
            telemetry: telemetry, time: time, server: server, list: list)
    }

    /// Models, each with its source.
    /// - Throws: where the S3 settings, a profile, the certificate authorities, or the name of a bucket are wrong.
    func set(
        _ models: [DesiredModel], list: [UInt8]? = nil, former: Set<String> = [], gap: String? = nil
    ) throws(Failure) -> ModelSet {
        var made: [String: any ModelSource] = [:]
        for model in models { made[model.name] = try sources.source(of: model) }
        return ModelSet(models: models, list: list, former: former, gap: gap) { [made] model in
            guard let source = made[model.name] else { preconditionFailure("a source was made for each model of the set") }
            return source
        }
    }

    /// What a command has that looks at the models once.
    func onlySet(timeout: Duration?) async throws(Failure) -> ModelSet {
        guard let lists = ModelLists(self) else { return try set(configuration.models) }
        return try await lists.only(timeout: timeout)
    }

    /// The last good list of models that the volume has, if any.
    func keptList() async -> [UInt8]? {
        await workers.inventory.run { [volume] in try? volume.keptList() }
    }

    /// Waits for the hooks of what has changed, no longer than `patience`, and ends the transfer threads.
    func shutdown(hooksWithin patience: Duration? = nil) async {
        if let left = await hooks?.finish(atMost: patience, time: time), left > 0 {
            telemetry.record(.warning("stopped before the hooks of \(left) \(left == 1 ? "change" : "changes") had ended"))
        }
        await hookClient?.shutdown()
        for client in serverClients { await client.shutdown() }
        await sources.clients.shutdown()
    }
}

extension FilePath {
    /// - Throws: where no file can be put there: told at the start.
    fileprivate func checkHoldsFile(of flag: String) throws(Failure) {
        let directory = removingLastComponent()
        let kinds: (directory: FileStatus.Kind?, file: FileStatus.Kind?)
        do throws(FileError) {
            kinds = (try FileSystem().status(directory)?.kind, try FileSystem().status(self)?.kind)
        } catch {
            throw Failure(.configuration, "write \(flag) \(self): \(error.errno)")
        }
        guard kinds.directory == .directory else {
            throw Failure(.configuration, "write \(flag) \(self): there is no directory \(directory); make it first")
        }
        guard kinds.file ?? .file == .file else {
            throw Failure(.configuration, "write \(flag) \(self): something that is no file has its name; give another name")
        }
    }
}

extension ServerSetting {
    /// It is near, in the same pod as a rule: no proxy is asked for it.
    fileprivate func link() throws(Failure) -> (any ServerLink, [HTTPClient]) {
        let asking = try HTTPClient.started(.asking(version: ProgramVersion.current))
        switch kind {
        case .tensorFlowServing: return (TensorFlowServing(url: url, http: asking), [asking])
        case .triton:
            let loading = try HTTPClient.started(.loading(version: ProgramVersion.current))
            return (Triton(url: url, asking: asking, loading: loading), [asking, loading])
        }
    }
}

extension HookSettings {
    /// - Throws: where the secret cannot be read, or a proxy of the environment is wrong.
    fileprivate func plan(environment: [String: String]) throws(Failure) -> HookPlan {
        var plan = HookPlan(timeout: timeout)
        plan.command = command
        plan.environment = environment
        if let webhook {
            // Nothing of S3's: neither its certificates nor what is trusted for its sake.
            var transport = HTTPClientConfiguration(version: ProgramVersion.current)
            transport.threads = 1
            transport.proxies = try ProxySettings(environment: environment)
            plan.webhook = (webhook, try HTTPClient.started(transport))
        }
        if let secretFile {
            do throws(FileError) { plan.secret = try FileSystem().readFile(FilePath(secretFile), limit: 64 << 10) } catch {
                throw Failure(.configuration, "read --webhook-secret-file \(secretFile): \(error.errno)")
            }
            if plan.secret?.last == UInt8(ascii: "\n") { plan.secret?.removeLast() }
            guard plan.secret?.isEmpty == false else {
                throw Failure(
                    .configuration, "read --webhook-secret-file \(secretFile): it is empty: nothing would be proved by it")
            }
        }
        return plan
    }
}

extension HTTPClient {
    /// - Throws: where the system gives no threads, or the certificate authorities cannot be read: told at the start.
    fileprivate static func started(
        _ transport: HTTPClientConfiguration, listener: (any WaitListener)? = nil
    ) throws(Failure) -> HTTPClient {
        do throws(TransportError) { return try HTTPClient(transport, listener: listener) } catch {
            throw Failure(.configuration, "set up HTTP: \(error)")
        }
    }
}

extension KeepFree {
    fileprivate var ofVolume: VolumeSettings.KeepFree {
        switch self {
        case .bytes(let size): .bytes(size.bytes)
        case .percent(let percent): .percent(Double(percent))
        }
    }
}

/// Makes the source of each model.
private struct SourceMaker {
    let clients: S3Clients
    private let reader: WorkerThread
    private let telemetry: any Telemetry
    private let time: any TimeSource
    private let files: NamePatterns

    init(
        _ configuration: Configuration, clients: S3Clients, reader: WorkerThread, telemetry: any Telemetry, time: any TimeSource
    ) {
        self.clients = clients
        self.reader = reader
        self.telemetry = telemetry
        self.time = time
        files = configuration.modelFiles
    }

    func source(of model: DesiredModel) throws(Failure) -> any ModelSource {
        switch model.source {
        case .directory(let path):
            return FileSource(
                directory: FilePath(path), ready: model.ready, settle: model.settle, files: files, fileSystem: FileSystem(),
                reader: reader, time: time)
        case .s3(let bucket, let prefix, let endpoint, let region):
            let client = try clients.client(endpoint: endpoint, region: region)
            // No outage: told at the start.
            try client.configuration.check(bucket: bucket)
            return S3Source(
                bucket: bucket, prefix: prefix, client: client, scheduler: clients.scheduler, ready: model.ready,
                settle: model.settle, files: files, model: model.name, telemetry: telemetry, time: time)
        }
    }
}

/// The clients of S3, one an endpoint and region, which share connections and credentials. All members may be called from any task.
final class S3Clients: Sendable {
    private struct Place: Hashable {
        let endpoint: String?
        let region: String?
    }

    private struct Made {
        var http: HTTPClient?
        var credentials: CredentialChain?
        var clients: [Place: S3Client] = [:]
    }

    /// Fetches by all of them.
    let scheduler: FetchScheduler
    private let configuration: Configuration
    private let environment: [String: String]
    private let telemetry: any Telemetry
    private let time: any TimeSource
    private let made = Lock(Made())

    init(_ configuration: Configuration, environment: [String: String], telemetry: any Telemetry, time: any TimeSource) {
        self.configuration = configuration
        self.environment = environment
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

    /// The client of a model's own endpoint and region, or of the global ones.
    /// - Throws: where the S3 settings, a profile, or the certificate authorities are wrong.
    func client(endpoint: String?, region: String?) throws(Failure) -> S3Client {
        try made.withLock { (made) throws(Failure) in
            let place = Place(endpoint: endpoint, region: region)
            if let known = made.clients[place] { return known }
            let client = try make(place, &made)
            made.clients[place] = client
            return client
        }
    }

    private func make(_ place: Place, _ made: inout Made) throws(Failure) -> S3Client {
        let s3 = try configuration.s3.resolved(environment: environment, endpoint: place.endpoint, region: place.region)
        var transport = s3.transport(version: ProgramVersion.current)
        transport.maxBandwidth = configuration.maxBandwidth?.bytes
        let http: HTTPClient
        if let known = made.http {
            http = known
        } else {
            http = try HTTPClient.started(transport, listener: scheduler.waitListener)
        }
        made.http = http
        // One chain: what one model's requests have renewed serves the others, and no role is assumed twice.
        let credentials =
            made.credentials
            ?? CredentialChain(
                environment: environment, profile: configuration.s3.profile, region: s3.region.value, http: http,
                transport: transport, time: time, telemetry: telemetry)
        made.credentials = credentials
        return S3Client(configuration: s3, http: http, credentials: credentials, time: time, telemetry: telemetry)
    }

    /// Ends the transfer threads.
    func shutdown() async { await made.withLock { $0.http }?.shutdown() }
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
