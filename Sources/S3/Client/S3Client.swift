import FileIO
public import Servables
public import Transfer

/// Speaks S3 with one endpoint: signs, sends, tries again. One place for retries (DESIGN section 3): `Transfer` has none, and
/// whoever is above looks only at what is left after them. All members may be called from any task.
public final class S3Client: Sendable {
    public let configuration: S3Configuration
    let http: HTTPClient
    let time: any TimeSource
    let telemetry: any Telemetry
    private let credentials: any CredentialProvider
    private let learned = Lock(Learned())
    private let budget: Lock<RetryBudget>

    /// What answers have taught.
    private struct Learned {
        /// The store's clock is ahead of ours by this.
        var clockOffset = Duration.zero
        /// Where buckets are that are not where the configuration has them.
        var places: [String: BucketPlace] = [:]
    }

    /// - Parameters:
    ///   - configuration: where S3 is.
    ///   - http: made with the configuration's ``S3Configuration/transport(version:)``; may be shared.
    ///   - credentials: not asked where the configuration says anonymous.
    ///   - time: for signing, and for waiting between tries.
    ///   - telemetry: hears of every request and every further try.
    public init(
        configuration: S3Configuration, http: HTTPClient, credentials: any CredentialProvider, time: any TimeSource,
        telemetry: any Telemetry
    ) {
        self.configuration = configuration
        self.http = http
        self.credentials = configuration.anonymous.value ? AnonymousCredentials() : credentials
        self.time = time
        self.telemetry = telemetry
        budget = Lock(RetryBudget(now: time.uptime()))
    }
}

extension S3Configuration {
    /// What requests are carried with: the authorities to trust, whether to check at all,
    /// our certificate, the proxies.
    public func transport(version: String) -> HTTPClientConfiguration {
        var transport = HTTPClientConfiguration(version: version)
        if let caFile = caFile.value { transport.caFile = caFile }
        transport.insecureSkipVerify = !verifyTLS.value
        transport.clientCertificate = clientCertificate.value
        transport.proxies = proxies
        return transport
    }
}

/// What came back of a try.
struct S3Answer<Value> {
    let status: Int
    let result: Result<Value, S3Error.Cause>

    init(_ head: ResponseHead, _ result: Result<Value, S3Error.Cause>) {
        status = head.status
        self.result = result
    }

    /// An answer that is an error.
    init(refusal: HTTPResponse) { self.init(refusal.head, .failure(.refused(Refusal(refusal)))) }
}

/// A try that failed.
struct FailedTry: Error {
    var error: S3Error
    /// `nil` where nothing was sent.
    var signing: Signing?

    /// What the request was signed with.
    struct Signing {
        let time: Timestamp
        /// How far that is from this machine's clock.
        let clockOffset: Duration
        let address: BucketAddress
        let credentials: Credentials?
    }
}

// MARK: - One try

extension S3Client {
    /// Signs and sends once, by a connection of this kind. `transfer` sends the request, and makes a value or a cause of what comes
    /// back.
    func attempt<Value: Sendable>(
        _ call: S3Call, by connection: HTTPRequest.Connection = .any,
        _ transfer: (HTTPRequest) async throws(TransportError) -> S3Answer<Value>
    ) async throws(FailedTry) -> Value {
        let keys: Credentials?
        do throws(Failure) {
            keys = try await credentials.credentials()
        } catch {
            throw FailedTry(error: S3Error(call.operation, call.resource, .credentials(error)))
        }
        let (offset, place) = learned.withLock { ($0.clockOffset, $0.places[call.resource.bucket] ?? BucketPlace()) }
        let now = time.now().advanced(by: offset)
        let address: BucketAddress
        do throws(Failure) {
            address = try configuration.address(bucket: call.resource.bucket, at: place)
        } catch {
            throw FailedTry(error: S3Error(call.operation, call.resource, .configuration(error)))
        }
        var request = call.request(to: address, keys, paysAsRequester: configuration.requestPayer.value, at: now)
        request.connection = connection
        let start = time.uptime()
        func report(_ status: Int) {
            telemetry.record(.s3Request(operation: call.operation.rawValue, status: status, took: time.uptime() - start))
        }
        func failed(_ cause: S3Error.Cause) -> FailedTry {
            FailedTry(
                error: S3Error(call.operation, call.resource, cause),
                signing: .init(time: now, clockOffset: offset, address: address, credentials: keys))
        }
        let answer: S3Answer<Value>
        do throws(TransportError) {
            answer = try await transfer(request)
        } catch {
            report(0)
            throw failed(S3Error.Cause(error))
        }
        report(answer.status)
        switch answer.result {
        case .success(let value): return value
        case .failure(.refused(let refusal)):
            throw failed(.refused(refusal.without([keys?.secretAccessKey, keys?.sessionToken].compactMap(\.self))))
        case .failure(let cause): throw failed(cause)
        }
    }
}

// MARK: - Until it is done

extension S3Client {
    /// Tries until it is done, cannot be helped, or was tried often enough; waits in between without holding anything.
    ///
    /// Three things are put right at once, each once: the region a bucket answered with, a clock that is wrong, and credentials
    /// that have been replaced. `body` makes a try by the kind of connection that it is given: any at first, a fresh one after a
    /// failure that may be that of one connection or one of the store's machines.
    func retrying<Value: Sendable>(
        _ body: (HTTPRequest.Connection) async throws(FailedTry) -> Value
    ) async throws(S3Error) -> Value {
        var repairs = Repairs()
        var attempt = 1
        var connection = HTTPRequest.Connection.any
        var last: S3Error?
        while true {
            let failed: FailedTry
            do throws(FailedTry) {
                let value = try await body(connection)
                budget.withLock { $0.succeeded(after: attempt) }
                return value
            } catch {
                failed = error
            }
            // Told to stop while it tries again: what made it try again is what there is to say.
            if case .cancelled = failed.error.cause, let last { throw last }
            let error = failed.error.tried(attempt)
            last = error
            if await repair(failed, &repairs) {
                telemetry.record(.s3Retry(reason: repairs.last, message: error.description))
            } else {
                guard let pace = error.retryPace, attempt < RetryPolicy.maximumAttempts else { throw error }
                let now = time.uptime()
                guard budget.withLock({ $0.take(now: now) }) else { throw failed.error.tried(attempt, isOutOfTries: true) }
                telemetry.record(.s3Retry(reason: error.retryReason, message: error.description))
                let delay = RetryPolicy.delay(after: attempt, pace: pace, random: time.random(), asked: error.retryAfter)
                connection = .fresh
                // Told to stop while it waits: what made it wait is what there is to say.
                do { try await time.sleep(for: delay) } catch { throw failed.error.tried(attempt) }
            }
            attempt += 1
        }
    }

    private struct Repairs {
        var isRegionTried = false
        var isClockTried = false
        var areCredentialsTried = false
        var last = ""
    }

    /// Where the bucket is instead, by the refusal itself or, where that does not say, by one question about the bucket.
    private func place(after refusal: Refusal, _ failed: FailedTry, _ address: BucketAddress) async -> BucketPlace? {
        let bucket = failed.error.resource.bucket
        // An access point's region is a part of its name.
        if AccessPoint.isARN(bucket) { return nil }
        if let place = BucketPlace(from: refusal, asked: address, endpoint: configuration.endpoint.value) { return place }
        guard refusal.mayBeElsewhere, failed.error.operation != .headBucket, let region = await answeredRegion(of: bucket),
            region != address.region, Region.isValidAnswer(region)
        else { return nil }
        return BucketPlace(region: region)
    }

    /// S3 says where a bucket is with any answer about it, even with a refusal.
    private func answeredRegion(of bucket: String) async -> String? {
        do throws(FailedTry) {
            return try await attempt(S3Call(operation: .headBucket, resource: S3Resource(bucket: bucket))) {
                (request) async throws(TransportError) -> S3Answer<String?> in
                let response = try await self.http.send(request, limit: 0)
                return S3Answer(response.head, .success(response.head["x-amz-bucket-region"]))
            }
        } catch {
            return nil
        }
    }

    /// - Returns: whether something was put right, so that another try makes sense at once.
    private func repair(_ failed: FailedTry, _ repairs: inout Repairs) async -> Bool {
        guard case .refused(let refusal) = failed.error.cause, let signing = failed.signing else { return false }
        if !repairs.isRegionTried, let place = await place(after: refusal, failed, signing.address) {
            repairs.isRegionTried = true
            repairs.last = "region"
            learned.withLock { $0.places[failed.error.resource.bucket] = place }
            return true
        }
        if !repairs.isClockTried, let error = refusal.clockError(sent: signing.time) {
            repairs.isClockTried = true
            repairs.last = "clock"
            // Requests that failed together correct to the same value, not one after the other.
            learned.withLock { $0.clockOffset = signing.clockOffset + error }
            return true
        }
        if !repairs.areCredentialsTried, refusal.mayBeStaleCredentials, let used = signing.credentials {
            repairs.areCredentialsTried = true
            repairs.last = "credentials"
            return await credentials.refresh(insteadOf: used)
        }
        return false
    }
}
