import FileIO
import S3Fixture
import Servables
import Testing
import Transfer

@testable import S3

@Suite("The client against a store")
struct ClientTests {
    @Test("a listing of several pages is one, in the store's order, whatever the keys hold")
    func pages() async throws {
        try await Store.with(FixtureOptions(pageSize: 3)) { (store) async throws in
            let keys = [
                "m/1/a b", "m/1/a+b", "m/1/a%2Bb", "m/1/a=b&c", "m/1//x", "m/1/../y", "m/1/ü€", "m/1/line\nbreak", "m/2/x",
                "m2/x",
            ]
            for key in keys { _ = store.put(key, [1, 2, 3]) }
            let sorted = keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            #expect(try await store.list() == sorted)
            #expect(try await store.list(prefix: "m/", delimiter: "/") == ["[m/1/]", "[m/2/]"])
            #expect(try await store.list(prefix: "m", delimiter: "/") == ["[m/]", "[m2/]"])
            #expect(try await store.list(prefix: "m/", delimiter: "/", startAfter: "m/10") == ["[m/2/]"])
            #expect(try await store.list(prefix: "none/") == [])
            #expect(store.telemetry.requests.filter { $0 == "ListObjectsV2 200" }.count == store.server.requests.count)
        }
    }

    @Test("an object is listed with size, ETag, time and class, and the store's clock is known")
    func attributes() async throws {
        try await Store.with(FixtureOptions(clockOffset: .seconds(300))) { (store) async throws in
            store.server.put(
                bucket: "b", key: "k", data: Array("hello".utf8), lastModified: .seconds(1_700_000_000), storageClass: "GLACIER")
            var found: [ListedItem] = []
            let summary = try await store.client.list(bucket: "b") { found.append($0) }
            let expected = ListedObject(
                key: "k", size: 5, etag: "\"5d41402abc4b2a76b9719d911017c592\"",
                lastModified: Timestamp(secondsSinceEpoch: 1_700_000_000), storageClass: "GLACIER")
            #expect(found == [.object(expected)])
            #expect(summary.items == 1)
            let ahead = try #require(summary.storeTime).since(store.time.now())
            #expect(ahead > .seconds(290) && ahead < .seconds(310))
        }
    }

    @Test("told to stop while it tries again, it says what made it try again")
    func stopped() async throws {
        try await Store.with { (store) async throws in
            store.server.script(Fault(.status(503, code: "SlowDown")))
            store.server.script(Fault(.stall(after: 10), first: 2, times: nil))
            let task = Task { try await store.list() }
            while store.server.requests.count < 2 { await Task.yield() }
            task.cancel()
            let error = try await s3Error { _ = try await task.value }
            #expect(error.kind == .unavailable, "\(error)")
            #expect(error.description.contains("503 SlowDown"), "\(error)")
        }
    }

    @Test("each refusal that cannot heal fails at once, with its kind and its remedy")
    func permanent() async throws {
        try await Store.with { (store) async throws in
            let missing = try await s3Error { try await store.client.list(bucket: "nowhere", each: { _ in }) }
            #expect(missing.kind == .notFound)
            #expect(!missing.isTransient)
            #expect(missing.description.contains("ListObjectsV2 s3://nowhere/: 404 NoSuchBucket"))
            #expect(missing.description.contains("check the bucket's name"))
            #expect(try await store.client.bucketExists("nowhere") == false)
            #expect(try await store.client.bucketExists("b"))
            let absent = try await s3Error { _ = try await store.client.head(bucket: "b", key: "k") }
            #expect(absent.kind == .notFound)
            store.server.script(Fault(.status(403, code: "AccessDenied")))
            let denied = try await s3Error { _ = try await store.list(prefix: "m/") }
            #expect(denied.kind == .denied)
            #expect(denied.description.contains("grant s3:ListBucket on arn:aws:s3:::b"))
            #expect(store.telemetry.retries.isEmpty && store.time.sleeps.isEmpty)
            #expect(store.server.requests.count == 5)
        }
    }

    @Test("a wrong secret is a denial that names the variable and shows no secret")
    func wrongSecret() async throws {
        let keys = Credentials(accessKeyID: Store.keys.accessKeyID, secretAccessKey: "hunter2hunter2")
        try await Store.with(credentials: StaticCredentials(keys)) { (store) async throws in
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.kind == .denied)
            #expect(error.description.contains("403 SignatureDoesNotMatch"))
            #expect(error.description.contains("check AWS_SECRET_ACCESS_KEY"))
            #expect(!error.description.contains("hunter2"))
            #expect(store.server.requests.count == 1)
        }
    }

    @Test("without signing no Authorization is sent, and a public bucket answers")
    func anonymous() async throws {
        try await Store.with(FixtureOptions(publicBuckets: ["b"]), change: { $0.anonymous = Sourced(true, origin: "test") }) {
            (store) async throws in
            _ = store.put("k", [1])
            #expect(try await store.list() == ["k"])
            let request = try #require(store.server.requests.first)
            #expect(request.header("authorization") == nil && request.header("x-amz-date") == nil)
            let error = try await s3Error { try await store.client.list(bucket: "private", each: { _ in }) }
            #expect(error.kind == .denied)
        }
    }

    @Test("a session token is sent and signed; the requester's willingness to pay too")
    func sessionToken() async throws {
        let options = FixtureOptions(credentials: [FixtureCredentials(accessKey: "A", secretKey: "s", sessionToken: "t/+=")])
        let keys = Credentials(accessKeyID: "A", secretAccessKey: "s", sessionToken: "t/+=")
        try await Store.with(
            options, credentials: StaticCredentials(keys), change: { $0.requestPayer = Sourced(true, origin: "test") }
        ) { (store) async throws in
            #expect(try await store.list() == [])
            let authorization = try #require(store.server.requests.first?.header("authorization"))
            #expect(authorization.contains("x-amz-request-payer;x-amz-security-token"))
        }
    }

    @Test("credentials that were replaced on disk are read anew once, when the store refuses the old ones")
    func rotation() async throws {
        let files = Box(["/h/.aws/credentials": "[default]\naws_access_key_id=old\naws_secret_access_key=s"])
        let chain = CredentialChain(environment: ["HOME": "/h"], profile: nil) { (path) throws(Failure) in files.value[path] }
        try await Store.with(
            FixtureOptions(credentials: [FixtureCredentials(accessKey: "new", secretKey: "s")]), credentials: chain
        ) {
            (store) async throws in
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.description.contains("403 InvalidAccessKeyId"))
            #expect(store.server.requests.count == 1)
            files.value["/h/.aws/credentials"] = "[default]\naws_access_key_id=new\naws_secret_access_key=s"
            #expect(try await store.list() == [])
            #expect(store.telemetry.retries == ["credentials"])
            #expect(store.time.sleeps.isEmpty)
        }
    }

    @Test("no credentials is a denial, and no request is made")
    func noCredentials() async throws {
        let chain = CredentialChain(environment: [:], profile: nil) { (_) throws(Failure) in nil }
        try await Store.with(credentials: chain) { (store) async throws in
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.kind == .denied)
            #expect(error.description.contains("--s3-anonymous"))
            #expect(store.server.requests.isEmpty)
        }
    }

    @Test("a bucket in another region is found by its answer, once, and remembered")
    func region() async throws {
        try await Store.with(FixtureOptions(region: "eu-west-1")) { (store) async throws in
            #expect(try await store.list() == [])
            #expect(try await store.list() == [])
            #expect(store.server.requests.map(\.status) == [400, 200, 200])
            #expect(store.telemetry.retries == ["region"])
            // A store that sends one round in a circle is followed once only.
            store.server.change { $0.region = "eu-west-2" }
            store.server.script(Fault(.status(301, code: "PermanentRedirect"), first: 1, times: nil))
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.kind == .configuration)
            #expect(error.description.contains("--s3-region"))
        }
    }

    @Test(
        "a clock that is wrong is corrected once from the refusal, for HEAD too, and stays corrected", arguments: [3600, -86_400])
    func skew(seconds: Int) async throws {
        try await Store.with(time: TestTime(offset: .seconds(seconds))) { (store) async throws in
            #expect(try await store.client.bucketExists("b"))
            #expect(try await store.list() == [])
            #expect(store.server.requests.map(\.status) == [403, 200, 200])
            #expect(store.telemetry.retries == ["clock"])
            #expect(store.time.sleeps.isEmpty)
        }
    }

    @Test("a clock is corrected once a request: a store that is never content is not asked for ever")
    func skewOnce() async throws {
        try await Store.with { (store) async throws in
            store.server.script(Fault(.status(403, code: "RequestTimeTooSkewed"), times: nil))
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.kind == .denied && error.description.contains("set this machine's clock"))
            #expect(store.server.requests.count == 2)
            #expect(store.telemetry.retries == ["clock"])
        }
    }

    @Test("a throttling store is asked again, slower than one with a hiccup, with the dice's part of the wait")
    func backOff() async throws {
        try await Store.with(time: TestTime(dice: 0.25)) { (store) async throws in
            store.server.script(Fault(.status(503, code: "SlowDown"), times: 2))
            #expect(try await store.list() == [])
            #expect(store.telemetry.retries == ["throttled", "throttled"])
            #expect(store.time.sleeps == [.milliseconds(250), .milliseconds(500)])
        }
        try await Store.with(time: TestTime(dice: 0.25)) { (store) async throws in
            store.server.script(Fault(.status(500, code: "InternalError"), times: nil))
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.kind == .unavailable && error.isTransient && error.attempts == 5)
            #expect(error.description.contains("500 InternalError") && error.description.contains("after 5 tries"))
            #expect(store.telemetry.retries == ["server-error", "server-error", "server-error", "server-error"])
            #expect(store.time.sleeps == [.milliseconds(25), .milliseconds(50), .milliseconds(100), .milliseconds(200)])
            #expect(store.server.requests.count == 5)
        }
    }

    @Test("after a failure another connection is taken, after what was put right the same one")
    func freshConnection() async throws {
        try await Store.with { (store) async throws in
            #expect(try await store.list() == [])
            store.server.script(Fault(.status(503, code: "SlowDown"), times: 2))
            #expect(try await store.list() == [])
            let connections = store.server.requests.map(\.connection)
            #expect(connections.count == 4 && connections[0] == connections[1])
            #expect(Set(connections).count == 3, "\(connections)")
        }
        var options = FixtureOptions()
        options.clockOffset = .seconds(7_200)
        try await Store.with(options) { (store) async throws in
            #expect(try await store.list() == [])
            #expect(store.telemetry.retries == ["clock"])
            #expect(Set(store.server.requests.map(\.connection)).count == 1)
        }
    }

    @Test("an outage is not answered by a storm: of many requests that fail few are tried again, and it is said")
    func outage() async throws {
        try await Store.with { (store) async throws in
            store.server.script(Fault(.status(500, code: "InternalError"), times: nil))
            let errors = await withTaskGroup(of: S3Error?.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        do throws(S3Error) {
                            _ = try await store.client.head(bucket: "b", key: "k")
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }.compactMap(\.self)
            }
            #expect(errors.count == 200)
            // Four tries more of each would be 1,000 requests; the clock of the machine may give a few more than 300.
            #expect((300..<330).contains(store.server.requests.count), "\(store.server.requests.count)")
            let cut = errors.filter(\.isOutOfTries)
            #expect(cut.count > 100)
            #expect(cut.allSatisfy { $0.isTransient && $0.description.contains("no more for now: too many have failed of late") })
        }
    }

    @Test("a listing that is cut is asked for again, and no item comes twice")
    func cutListing() async throws {
        try await Store.with(FixtureOptions(pageSize: 2)) { (store) async throws in
            for key in ["a", "b", "c", "d"] { _ = store.put(key, [1]) }
            store.server.script(Fault(.truncateListing, first: 2))
            store.server.script(Fault(.cut(after: 200), first: 1))
            #expect(try await store.list() == ["a", "b", "c", "d"])
            #expect(store.telemetry.retries.sorted() == ["cut-body", "unintelligible"])
        }
    }

    @Test("a listing that goes round in a circle is refused")
    func endless() async throws {
        try await Store.with(FixtureOptions(pageSize: 2)) { (store) async throws in
            for key in ["a", "b", "c", "d", "e"] { _ = store.put(key, [1]) }
            store.server.script(Fault(.repeatContinuationToken, first: 2, times: nil))
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.kind == .unavailable && !error.isTransient)
            #expect(error.description.contains("no end"))
            #expect(store.server.requests.count < 5)
        }
    }

    @Test("what a store repeats of what it was sent is not said")
    func echo() async throws {
        let keys = Credentials(accessKeyID: "AKIA", secretAccessKey: "hunter2-secret-key", sessionToken: "hunter2/token+=")
        try await AnsweringServer.with { _ in
            .reply(403, "<Error><Code>AccessDenied</Code><Message>hunter2/token+= and hunter2-secret-key</Message></Error>")
        } _: { server in
            try await Store.with(credentials: StaticCredentials(keys), endpoint: server.url) { (store) async throws in
                let error = try await s3Error { _ = try await store.list() }
                #expect(
                    error.description.contains("AccessDenied: *** and ***") && !error.description.contains("hunter2"), "\(error)")
                for event in store.telemetry.events { #expect(!"\(event)".contains("hunter2")) }
            }
        }
    }

    @Test("a bucket that another region's endpoint refuses without saying where it is, is asked for that")
    func illegalLocation() async throws {
        try await AnsweringServer.with { request in
            request.method == "HEAD"
                ? .reply(400, "", headers: ["x-amz-bucket-region": "af-south-1"])
                : request["authorization"]?.contains("/af-south-1/") == true
                    ? .reply(200, "<ListBucketResult></ListBucketResult>")
                    : .reply(400, "<Error><Code>IllegalLocationConstraintException</Code></Error>")
        } _: { server in
            try await Store.with(endpoint: server.url) { (store) async throws in
                #expect(try await store.list() == [])
                #expect(store.telemetry.retries == ["region"])
            }
        }
    }

    @Test("of a huge error body little is read")
    func hugeError() async throws {
        try await Store.with { (store) async throws in
            store.server.script(Fault(.status(403, code: "AccessDenied", bodySize: 50 << 20)))
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.description.contains("403 AccessDenied"))
            #expect(error.description.utf8.count < 1_000)
        }
    }

    @Test("a store that nobody answers for is an outage, tried again, and named")
    func unreachable() async throws {
        try await Store.with(endpoint: "http://127.0.0.1:1") { (store) async throws in
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.kind == .unavailable && error.isTransient)
            #expect(error.description.contains("127.0.0.1:1"))
            #expect(store.telemetry.retries == ["connect", "connect", "connect", "connect"])
            #expect(store.telemetry.requests == Array(repeating: "ListObjectsV2 0", count: 5))
        }
    }

    @Test("virtual-host names are signed and understood")
    func virtualHost() async throws {
        try await Store.with(change: { $0.addressing = Sourced(.virtual, origin: "test") }) { (store) async throws in
            // An address has no names below it: the path form is used.
            #expect(try await store.list() == [])
            #expect(store.server.requests.first?.header("host") == "127.0.0.1:\(store.server.port)")
        }
    }
}
