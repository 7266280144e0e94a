import S3Fixture
import Servables
import Testing
import Transfer

@testable import S3

@Suite("Buckets that are elsewhere")
struct RedirectTests {
    private func place(
        _ refusal: Refusal, endpoint: String? = nil, region: String = "us-east-1", addressing: Addressing = .auto
    ) throws -> BucketPlace? {
        let url = try endpoint.map { try EndpointURL(parsing: $0) }
        let address = BucketAddress(endpoint: url, region: region, addressing: addressing, bucket: "models")
        return BucketPlace(from: refusal, asked: address, endpoint: url)
    }

    @Test(
        "the region is taken from where AWS sends to, and never a host",
        arguments: [
            ("https://models.s3.eu-west-1.amazonaws.com/k?x=1", "eu-west-1"),
            ("https://models.s3-us-west-2.amazonaws.com/", "us-west-2"),
            ("http://s3.dualstack.eu-west-1.amazonaws.com/models/k", "eu-west-1"),
            ("https://s3-fips.us-gov-west-1.amazonaws.com", nil),
            ("https://my.dotted.s3.eu-west-1.amazonaws.com/", "eu-west-1"), ("https://models.s3.amazonaws.com/", nil),
            ("https://models.s3.eu-west-1.amazonaws.com.evil.example/", nil), ("https://evilamazonaws.com/", nil),
            ("https://s3.eu-west-1.evil.example/", nil), ("https://s3.a.b.c.amazonaws.com/", nil),
            ("https://s3.cn-north-1.amazonaws.com.cn/", nil), ("https://u:p@s3.eu-west-1.amazonaws.com/", nil),
            ("s3.eu-west-1.amazonaws.com", nil), ("https://ec2.eu-west-1.amazonaws.com/", nil), ("", nil),
        ] as [(String, String?)])
    func atAWS(location: String, region: String?) throws {
        let refusal = Refusal(status: 307, code: "TemporaryRedirect", location: EndpointURL(origin: location))
        #expect(try place(refusal) == region.map { BucketPlace(region: $0) })
    }

    @Test(
        "at a configured endpoint a redirect leads to hosts below it only, by the same scheme and port",
        arguments: [
            ("http://models.store.test:9000/k", "models.store.test:9000"), ("http://n1.store.test:9000/", "n1.store.test:9000"),
            ("http://store.test:9000/other", nil), ("https://n1.store.test:9000/", nil), ("http://n1.store.test/", nil),
            ("http://n1.store.test:9001/", nil), ("http://evil.example:9000/", nil), ("http://evilstore.test:9000/", nil),
            ("http://test:9000/", nil), ("http://169.254.169.254:9000/", nil), ("ftp://n1.store.test:9000/", nil),
        ] as [(String, String?)])
    func elsewhere(location: String, host: String?) throws {
        let refusal = Refusal(status: 301, location: EndpointURL(origin: location))
        #expect(try place(refusal, endpoint: "http://store.test:9000/base") == host.map { BucketPlace(host: $0) })
        #expect(try place(Refusal(status: 200, location: refusal.location), endpoint: "http://store.test:9000") == nil)
        #expect(try place(refusal, endpoint: "http://127.0.0.1:9000") == nil)
    }

    @Test("a bucket that has its own name below the endpoint leaves the path, any other host keeps it")
    func moved() throws {
        var options = S3Options()
        options.endpoint = Sourced("http://store.test:9000/base", origin: "test")
        let configuration = try S3Configuration(options: options, environment: [:], profile: nil)
        let own = try configuration.address(bucket: "models", at: BucketPlace(host: "models.store.test:9000"))
        #expect(own.url(path: own.path(key: "k"), query: "") == "http://models.store.test:9000/base/k")
        let node = try configuration.address(bucket: "models", at: BucketPlace(host: "n1.store.test:9000"))
        #expect(node.url(path: node.path(key: "k"), query: "") == "http://n1.store.test:9000/base/models/k")
    }

    @Test(
        "the region is found in whatever way a store gives it, for every operation, once a bucket",
        arguments: [301, 307, 400, 403], [Operation.list, .head, .get])
    func header(status: Int, operation: Operation) async throws {
        try await Store.with(FixtureOptions(region: "eu-west-1")) { (store) async throws in
            let object = store.put("k", [1, 2, 3])
            store.server.script(Fault(.status(status, code: "")))
            store.server.script(Fault(.header("x-amz-bucket-region", "eu-west-1")))
            try await use(store, operation, object)
            try await use(store, operation, object)
            #expect(store.server.requests.map(\.status).prefix(2) == [status, 200])
            #expect(store.server.requests.allSatisfy { $0.operation == operation })
            #expect(store.telemetry.retries == ["region"])
            #expect(store.time.sleeps.isEmpty)
        }
    }

    @Test("where a redirect does not say the region the bucket is asked, whatever it answers")
    func discovery() async throws {
        try await Store.with(FixtureOptions(region: "eu-west-1")) { (store) async throws in
            store.server.script(Fault(.status(301, code: "PermanentRedirect"), on: .list))
            store.server.script(Fault(.header("x-amz-bucket-region", ""), on: .list))
            store.server.script(Fault(.status(403, code: ""), on: .headBucket))
            store.server.script(Fault(.header("x-amz-bucket-region", "eu-west-1"), on: .headBucket))
            #expect(try await store.list() == [])
            #expect(store.server.requests.map(\.status) == [301, 403, 200])
            #expect(store.server.requests.map(\.method) == ["GET", "HEAD", "GET"])
            #expect(try await store.list() == [])
            #expect(store.server.requests.count == 4)
        }
    }

    @Test("a host below the endpoint is followed once and remembered")
    func below() async throws {
        try await Store.with { (store) async throws in
            let port = store.server.port
            try await Store.with(endpoint: "http://localhost:\(port)") { (other) async throws in
                store.server.script(Fault(.status(307, code: "TemporaryRedirect")))
                store.server.script(Fault(.header("Location", "http://b.localhost:\(port)/?list-type=2")))
                #expect(try await other.list() == [])
                #expect(try await other.list() == [])
                #expect(
                    store.server.requests.map { $0.header("host") } == [
                        "localhost:\(port)", "b.localhost:\(port)", "b.localhost:\(port)",
                    ])
                #expect(store.server.requests.map(\.path) == ["/b", "/", "/"])
            }
        }
    }

    @Test("any other host is told and not followed")
    func foreign() async throws {
        try await Store.with { (store) async throws in
            store.server.script(Fault(.status(307, code: "TemporaryRedirect"), times: nil))
            store.server.script(Fault(.header("Location", "http://evil.example:81/b"), times: nil))
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.kind == .configuration && !error.isTransient)
            #expect(error.description.contains("it sends to evil.example:81, which is not followed"))
            #expect(store.telemetry.retries.isEmpty)
        }
    }

    @Test("an access point is never looked for in another region, and what to grant on it is named by its ARN")
    func accessPoint() async throws {
        let arn = "arn:aws:s3:us-east-1:12:accesspoint:mine"
        try await Store.with { (store) async throws in
            try await Store.with(endpoint: "http://localhost:\(store.server.port)") { (other) async throws in
                store.server.createBucket("mine-12")
                store.server.script(Fault(.status(400, code: "AuthorizationHeaderMalformed")))
                store.server.script(Fault(.header("x-amz-bucket-region", "eu-west-1")))
                let moved = try await s3Error { try await other.client.list(bucket: arn, each: { _ in }) }
                #expect(moved.kind == .configuration)
                #expect(store.server.requests.map { $0.header("host") } == ["mine-12.localhost:\(store.server.port)"])
                #expect(other.telemetry.retries.isEmpty)
                try await other.client.list(bucket: arn, each: { _ in })
                store.server.script(Fault(.status(403, code: "AccessDenied")))
                let denied = try await s3Error { _ = try await other.client.head(bucket: arn, key: "k") }
                #expect(denied.description.contains("grant s3:GetObject on \(arn)/object/k"))
            }
        }
    }

    @Test("a bucket that cannot be asked for is an error of the configuration, and nothing is sent")
    func unusable() async throws {
        try await Store.with { (store) async throws in
            let error = try await s3Error {
                try await store.client.list(bucket: "arn:aws:s3-outposts:us-east-1:1:outpost:x", each: { _ in })
            }
            #expect(error.kind == .configuration && !error.isTransient)
            #expect(error.description.contains("S3 on Outposts is not supported; name a bucket or an S3 access point"))
            #expect(store.server.requests.isEmpty && store.time.sleeps.isEmpty)
        }
    }

    @Test("every request says that the requester pays, if it does, and none otherwise", arguments: [true, false])
    func requesterPays(isOn: Bool) async throws {
        try await Store.with(change: { $0.requestPayer = Sourced(isOn, origin: "test") }) { (store) async throws in
            let object = store.put("k", [1, 2, 3])
            for operation in [Operation.list, .head, .get] { try await use(store, operation, object) }
            #expect(try await store.client.bucketExists("b"))
            #expect(store.server.requests.count == 4)
            for request in store.server.requests {
                #expect(request.header("x-amz-request-payer") == (isOn ? "requester" : nil))
                #expect(request.header("authorization")?.contains("x-amz-request-payer") == isOn)
            }
        }
    }

    private func use(_ store: Store, _ operation: Operation, _ object: S3Object) async throws {
        switch operation {
        case .list: #expect(try await store.list() == ["k"])
        case .head: #expect(try await store.client.head(bucket: "b", key: "k").size == 3)
        default:
            let file = try store.file("f", size: 3)
            _ = try await FetchScheduler(partSize: 1 << 20).fetch(object, from: store.client, into: file)
            #expect(try store.content(of: file) == [1, 2, 3])
        }
    }
}
