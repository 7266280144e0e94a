import FileIO
public import Servables
public import Transfer

/// Finds credentials in botocore's order (``CredentialSearch``) and keeps them fresh.
///
/// Temporary ones are looked for anew ``refreshAhead`` before they expire, by one task, while requests go on with those that are
/// still valid; only where none are do requests wait. If a look fails, the old ones serve on until they expire.
public final class CredentialChain: CredentialProvider {
    /// Before the expiration; of credentials that live shorter than twice that, half of their life. As botocore's first
    /// (advisory) time.
    static let refreshAhead = Duration.seconds(15 * 60)
    /// Between two looks while there are credentials that may serve.
    static let betweenLooks = Duration.seconds(60)

    private typealias Look = SharedAnswer<Result<Credentials, Failure>>

    private struct Known {
        let credentials: Credentials
        /// `nil` for credentials without end.
        let refreshAt: Timestamp?
        /// By the clock that does not jump.
        let found: Duration
        /// Then already: it is our clock that is wrong, and the store decides.
        let wasExpired: Bool
        let origin: String
    }

    private struct State {
        var known: Known?
        var look: Look?
        var nextLook: Duration?
    }

    private let search: CredentialSearch
    private let time: any TimeSource
    private let telemetry: any Telemetry
    private let state = Lock(State())

    /// - Parameters:
    ///   - environment: the process's, or a test's.
    ///   - profile: of `--s3-profile`.
    ///   - region: where roles are assumed if neither environment nor profile name a region.
    ///   - http: carries requests to AWS's token service; may be shared with S3.
    ///   - transport: what `http` was made with.
    ///   - time: for expiration, signing, and waiting between tries.
    ///   - telemetry: hears where temporary credentials come from, and of every refresh that failed.
    ///   - read: a file's text, `nil` if there is none.
    public convenience init(
        environment: [String: String], profile: String?, region: String, http: HTTPClient, transport: HTTPClientConfiguration,
        time: any TimeSource, telemetry: any Telemetry,
        read: @escaping @Sendable (String) throws(Failure) -> String? = readProfileFile
    ) {
        let carrier = CredentialHTTP(http, transport, environment: environment)
        self.init(
            CredentialSearch(
                environment: environment, chosenProfile: profile, region: region, read: read, transport: carrier, time: time),
            telemetry: telemetry)
    }

    init(_ search: CredentialSearch, telemetry: any Telemetry) {
        self.search = search
        time = search.time
        self.telemetry = telemetry
    }

    public func credentials() async throws(Failure) -> Credentials? {
        let now = time.now()
        let uptime = time.uptime()
        let (known, look) = state.withLock { state -> (Credentials?, Look?) in
            guard let known = state.known else { return (nil, self.look(&state)) }
            guard let refreshAt = known.refreshAt, now >= refreshAt else { return (known.credentials, nil) }
            guard let expiration = known.credentials.expiration, now >= expiration else {
                if uptime >= state.nextLook ?? uptime { _ = self.look(&state) }
                return (known.credentials, nil)
            }
            if known.wasExpired, uptime - known.found < Self.betweenLooks { return (known.credentials, nil) }
            return (nil, self.look(&state))
        }
        if let known { return known }
        guard let answer = await look?.value() else {
            throw Failure(.busy, "stopped while credentials were looked for", isTransient: true)
        }
        return try answer.get()
    }

    /// Looks anew: files and tokens may have been replaced while this process runs. Credentials with an end are not asked for
    /// again within a minute: an answer such as 403 to a HEAD does not say that they are to blame.
    public func refresh(insteadOf credentials: Credentials) async -> Bool {
        let uptime = time.uptime()
        let look = state.withLock { state -> Look? in
            guard let known = state.known, known.credentials == credentials else { return nil }
            if known.refreshAt != nil, uptime - known.found < Self.betweenLooks { return nil }
            return self.look(&state)
        }
        if let look { _ = await look.value() }
        return state.withLock { $0.known.map { $0.credentials != credentials } ?? false }
    }

    /// The look under way, or a new one.
    private func look(_ state: inout State) -> Look {
        if let look = state.look { return look }
        let look = Look()
        state.look = look
        Task {
            let result: Result<FoundCredentials, Failure>
            do throws(Failure) { result = .success(try await search.find()) } catch { result = .failure(error) }
            look.give(finish(result))
        }
        return look
    }

    private func finish(_ result: Result<FoundCredentials, Failure>) -> Result<Credentials, Failure> {
        let now = time.now()
        let uptime = time.uptime()
        let (old, fresh) = state.withLock { state -> (Known?, Known?) in
            let old = state.known
            state.look = nil
            state.nextLook = uptime + Self.betweenLooks
            guard case .success(let found) = result else { return (old, nil) }
            let refreshAt = found.credentials.expiration.map { expiration in
                let left = expiration.since(now)
                return expiration.advanced(by: .zero - min(Self.refreshAhead, max(.zero, left / 2)))
            }
            let fresh = Known(
                credentials: found.credentials, refreshAt: refreshAt, found: uptime,
                wasExpired: found.credentials.expiration.map { $0 <= now } ?? false, origin: found.origin)
            state.known = fresh
            return (old, fresh)
        }
        report(result, old, fresh, now)
        return result.map(\.credentials)
    }

    private func report(_ result: Result<FoundCredentials, Failure>, _ old: Known?, _ fresh: Known?, _ now: Timestamp) {
        if let fresh, let expiration = fresh.credentials.expiration {
            if fresh.wasExpired {
                telemetry.record(
                    .warning("credentials of \(fresh.origin) expired at \(expiration) already: is this machine's clock right?"))
            } else if old?.origin != fresh.origin {
                telemetry.record(.notice("credentials: \(fresh.origin), valid until \(expiration) and renewed before"))
            }
        }
        if case .failure(let failure) = result, let old {
            let valid =
                old.credentials.expiration.map { $0 > now ? ", which are valid until \($0)" : ", which have expired" } ?? ""
            telemetry.record(.warning("credentials cannot be renewed: \(failure.message); going on with the old ones\(valid)"))
        }
    }
}

extension CredentialChain: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "CredentialChain(…)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
