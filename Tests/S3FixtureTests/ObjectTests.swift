import Testing

@testable import S3Fixture

@Suite("Objects")
struct ObjectTests {
    private let digits = Array("123456789".utf8)

    @Test("an object is served whole, with its headers")
    func whole() async throws {
        try await withOpenServer { server async throws in
            server.put(bucket: "b", key: "k", data: digits, lastModified: .seconds(1_369_353_600))
            let answer = try await ask(server, "GET", "/b/k")
            #expect(answer.status == 200)
            #expect(answer.body == digits)
            #expect(answer.headers["etag"] == "\"25f9e794323b453885f5181f1b624d0b\"")
            #expect(answer.headers["last-modified"] == "Fri, 24 May 2013 00:00:00 GMT")
            #expect(answer.headers["accept-ranges"] == "bytes")
            #expect(answer.headers["x-amz-bucket-region"] == "us-east-1")
            #expect(answer.headers["x-amz-checksum-crc64nvme"] == nil)
            let head = try await ask(server, "HEAD", "/b/k")
            #expect(head.status == 200)
            #expect(head.headers["content-length"] == "9")
            #expect(head.body.isEmpty)
        }
    }

    @Test(
        "ranges are answered as S3 does",
        arguments: [
            ("bytes=0-3", 206, "1234", "bytes 0-3/9"), ("bytes=4-", 206, "56789", "bytes 4-8/9"),
            ("bytes=-2", 206, "89", "bytes 7-8/9"), ("bytes=-20", 206, "123456789", "bytes 0-8/9"),
            ("bytes=5-100", 206, "6789", "bytes 5-8/9"), ("bytes=5-9223372036854775807", 206, "6789", "bytes 5-8/9"),
            ("bytes=3-1", 200, "123456789", nil), ("bytes=0-1,3-4", 200, "123456789", nil), ("lines=1-2", 200, "123456789", nil),
        ])
    func ranges(range: String, status: Int, body: String, contentRange: String?) async throws {
        try await withOpenServer { server async throws in
            server.put(bucket: "b", key: "k", data: digits)
            let answer = try await ask(server, "GET", "/b/k", [("range", range)])
            #expect(answer.status == status)
            #expect(answer.text == body)
            #expect(answer.headers["content-range"] == contentRange)
        }
    }

    @Test(
        "a range past the end is not satisfiable, and none of an empty object is",
        arguments: ["bytes=9-", "bytes=9-20", "bytes=-0"])
    func unsatisfiable(range: String) async throws {
        try await withOpenServer { server async throws in
            server.put(bucket: "b", key: "k", data: digits)
            server.put(bucket: "b", key: "empty", data: [])
            let answer = try await ask(server, "GET", "/b/k", [("range", range)])
            #expect(answer.status == 416)
            #expect(answer.element("Code") == "InvalidRange")
            #expect(answer.headers["content-range"] == "bytes */9")
            #expect(try await ask(server, "GET", "/b/empty", [("range", "bytes=0-")]).status == 416)
            #expect(try await ask(server, "GET", "/b/empty").status == 200)
        }
    }

    @Test("conditions on the ETag hold with and without quotes")
    func conditions() async throws {
        try await withOpenServer { server async throws in
            server.put(bucket: "b", key: "k", data: digits)
            let etag = "\"25f9e794323b453885f5181f1b624d0b\""
            #expect(try await ask(server, "GET", "/b/k", [("if-match", etag)]).status == 200)
            #expect(try await ask(server, "GET", "/b/k", [("if-match", String(etag.dropFirst().dropLast()))]).status == 200)
            let failed = try await ask(server, "GET", "/b/k", [("if-match", "\"other\""), ("range", "bytes=0-1")])
            #expect(failed.status == 412)
            #expect(failed.element("Code") == "PreconditionFailed")
            let unchanged = try await ask(server, "GET", "/b/k", [("if-none-match", etag)])
            #expect(unchanged.status == 304)
            #expect(unchanged.headers["etag"] == etag)
            #expect(unchanged.headers["content-length"] == nil)
            #expect(try await ask(server, "GET", "/b/k", [("if-none-match", "\"other\"")]).status == 200)
        }
    }

    @Test("checksums come when asked for, of the whole object only")
    func checksums() async throws {
        let mode = ("x-amz-checksum-mode", "ENABLED")
        try await withOpenServer(options: FixtureOptions(checksums: ChecksumKind.allCases)) { server async throws in
            server.put(bucket: "b", key: "k", data: digits)
            let answer = try await ask(server, "HEAD", "/b/k", [mode])
            #expect(answer.headers["x-amz-checksum-crc64nvme"] == "rosUhgp5mIg=")
            #expect(answer.headers["x-amz-checksum-crc32"] == "y/Q5Jg==")
            #expect(answer.headers["x-amz-checksum-crc32c"] == "4waSgw==")
            #expect(answer.headers["x-amz-checksum-sha256"] == "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=")
            #expect(answer.headers["x-amz-checksum-type"] == "FULL_OBJECT")
            let part = try await ask(server, "GET", "/b/k", [mode, ("range", "bytes=0-8")])
            #expect(part.status == 206)
            #expect(!part.headers.keys.contains { $0.hasPrefix("x-amz-checksum") })

            server.put(
                bucket: "b", key: "parts", data: digits, etag: "abc-2", checksums: ["sha1": "AAAA-2"], checksumType: "COMPOSITE")
            let composite = try await ask(server, "GET", "/b/parts", [mode])
            #expect(composite.headers["etag"] == "\"abc-2\"")
            #expect(composite.headers["x-amz-checksum-sha1"] == "AAAA-2")
            #expect(composite.headers["x-amz-checksum-type"] == "COMPOSITE")
        }
        try await withOpenServer(options: FixtureOptions(checksums: [])) { server async throws in
            server.put(bucket: "b", key: "k", data: digits)
            let answer = try await ask(server, "GET", "/b/k", [mode])
            #expect(!answer.headers.keys.contains { $0.hasPrefix("x-amz-checksum") })
            #expect(try await ask(server, "GET", "/b?list-type=2").element("ChecksumAlgorithm") == nil)
        }
    }

    @Test("what is not there, or cannot be, is an error of S3's shape")
    func errors() async throws {
        try await withOpenServer { server async throws in
            let bucket = try await ask(server, "GET", "/none?list-type=2")
            #expect(bucket.status == 404)
            #expect(bucket.element("Code") == "NoSuchBucket")
            #expect(bucket.element("BucketName") == "none")
            #expect(bucket.headers["content-type"] == "application/xml")
            #expect(bucket.headers["x-amz-request-id"] == bucket.element("RequestId"))
            #expect(try await ask(server, "HEAD", "/none").status == 404)
            #expect(try await ask(server, "HEAD", "/b").status == 200)
            let key = try await ask(server, "GET", "/b/none")
            #expect(key.status == 404)
            #expect(key.element("Code") == "NoSuchKey")
            #expect(try await ask(server, "PATCH", "/b/none").status == 405)
            #expect(try await ask(server, "GET", "/b?acl").status == 501)
            #expect(try await ask(server, "GET", "/b/%zz").status == 400)
            server.put(bucket: "b", key: "cold", data: digits, storageClass: "GLACIER")
            #expect(try await ask(server, "GET", "/b/cold").element("Code") == "InvalidObjectState")
        }
    }

    @Test(
        "no key leads out of a bucket's folder",
        arguments: ["../secret", "..%2Fsecret", "x/../../secret", "./a", "%2Fetc/passwd"])
    func traversal(key: String) async throws {
        try await Scratch.with { scratch in
            try scratch.write("secret", [1])
            try scratch.write("b/a", [1])
            try await FixtureServer.with(root: scratch.path, options: FixtureOptions(anonymous: true)) { server async throws in
                #expect(try await ask(server, "GET", "/b/\(key)").status == 404)
                // Uploaded, it is an object like any other, in memory.
                #expect(try await ask(server, "PUT", "/b/\(key)", body: [7]).status == 200)
                #expect(try await ask(server, "GET", "/b/\(key)").body == [7])
                #expect(contents("\(scratch.path)/secret") == [1])
                #expect(contents("\(scratch.path)/b/a") == [1])
            }
        }
    }

    @Test("the bucket may be in the host's name")
    func virtualHost() async throws {
        try await withOpenServer { server async throws in
            server.put(bucket: "b.c", key: "k/x", data: digits)
            #expect(try await ask(server, "GET", "/k/x", [("host", "b.c.localhost:\(server.port)")]).body == digits)
            let listing = try await ask(server, "GET", "/?list-type=2", [("host", "b.c.localhost")])
            #expect(listing.elements("Key") == ["k/x"])
            #expect(try await ask(server, "HEAD", "/", [("host", "other.localhost")]).status == 404)
        }
    }

    @Test("a file is streamed from any offset, and hides nothing of its checksum")
    func file() async throws {
        let content = SyntheticContent(size: 300_000, seed: 9)
        let data = content.bytes(in: 0..<content.size)
        try await Scratch.with { scratch in
            try scratch.write("b/file", data)
            try await FixtureServer.with(root: scratch.path, options: FixtureOptions(anonymous: true)) { server async throws in
                try await server.precomputeDigests()
                let whole = try await ask(server, "GET", "/b/file", [("x-amz-checksum-mode", "ENABLED")])
                #expect(whole.fingerprint == fingerprint(data))
                #expect(
                    whole.headers["x-amz-checksum-crc64nvme"] == ChecksumKind.crc64nvme.text(ofCRC: content.crc(.crc64NVME)))
                let part = try await ask(server, "GET", "/b/file", [("range", "bytes=100001-200000")])
                #expect(part.fingerprint == fingerprint(data[100_001...200_000]))
            }
        }
    }

    @Test("a synthetic object is served in ranges without being anywhere")
    func synthetic() async throws {
        try await withOpenServer { server async throws in
            let content = SyntheticContent(size: 5 << 30, seed: 3)
            server.put(bucket: "b", key: "big", synthetic: content)
            let head = try await ask(server, "HEAD", "/b/big", [("x-amz-checksum-mode", "ENABLED")])
            #expect(head.headers["content-length"] == "5368709120")
            #expect(head.headers["x-amz-checksum-crc64nvme"] != nil)
            #expect(head.headers["etag"]?.contains("-") == true)
            let range = (4 << 30) - 10..<(4 << 30) + 200_000
            let part = try await ask(server, "GET", "/b/big", [("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")])
            #expect(part.fingerprint == fingerprint(content.bytes(in: range)))
        }
    }
}
