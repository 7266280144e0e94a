import Testing

@testable import S3Fixture

@Suite("Uploads")
struct UploadTests {
    @Test("an object put over HTTP becomes a file, and is got and deleted")
    func put() async throws {
        try await Scratch.with { scratch in
            try scratch.write("b/other", [1])
            try await FixtureServer.with(root: scratch.path, options: FixtureOptions(anonymous: true)) { server async throws in
                let data = Array("hello".utf8)
                let answer = try await ask(server, "PUT", "/b/x/y%20z", body: data)
                #expect(answer.status == 200)
                #expect(answer.headers["etag"] == "\"5d41402abc4b2a76b9719d911017c592\"")
                #expect(contents("\(scratch.path)/b/x/y z") == data)
                #expect(try await ask(server, "GET", "/b/x/y%20z").body == data)
                #expect(try await ask(server, "DELETE", "/b/x/y%20z").status == 204)
                #expect(try await ask(server, "GET", "/b/x/y%20z").status == 404)
                #expect(try await ask(server, "GET", "/b?list-type=2").elements("Key") == ["other"])
                #expect(names(in: scratch.path) == ["b"])
            }
        }
    }

    @Test("a key beside a file of its parent's name is kept in memory")
    func clash() async throws {
        try await Scratch.with { scratch in
            try scratch.write("b/a", [1])
            try await FixtureServer.with(root: scratch.path, options: FixtureOptions(anonymous: true)) { server async throws in
                #expect(try await ask(server, "PUT", "/b/a/b", body: [2]).status == 200)
                #expect(try await ask(server, "GET", "/b?list-type=2").elements("Key") == ["a", "a/b"])
                #expect(try await ask(server, "GET", "/b/a/b").body == [2])
            }
        }
    }

    @Test("a body that is not what its checksum says is refused", arguments: ["content-md5", "x-amz-checksum-crc32"])
    func badDigest(header: String) async throws {
        try await withOpenServer { server async throws in
            let right = header == "content-md5" ? "JfnnlDI7RTiF9RgfG2JNCw==" : "y/Q5Jg=="
            let digits = Array("123456789".utf8)
            #expect(try await ask(server, "PUT", "/b/k", [(header, right)], body: digits).status == 200)
            let wrong = try await ask(server, "PUT", "/b/k", [(header, right)], body: [1])
            #expect(wrong.status == 400)
            #expect(wrong.element("Code") == "BadDigest")
            #expect(try await ask(server, "GET", "/b/k").body == digits)
        }
    }

    @Test("If-None-Match: * creates an object only once")
    func createOnce() async throws {
        try await withOpenServer { server async throws in
            #expect(try await ask(server, "PUT", "/b/k", [("if-none-match", "*")], body: [1]).status == 200)
            #expect(try await ask(server, "PUT", "/b/k", [("if-none-match", "*")], body: [2]).status == 412)
            #expect(try await ask(server, "GET", "/b/k").body == [1])
        }
    }

    @Test("parts are joined by number, and the ETag is the MD5 of their MD5s")
    func multipart() async throws {
        try await Scratch.with { scratch in
            try scratch.write("b/other", [1])
            try await FixtureServer.with(root: scratch.path, options: FixtureOptions(anonymous: true)) { server async throws in
                let begun = try await ask(server, "POST", "/b/k?uploads=")
                let id = try #require(begun.element("UploadId"))
                let second = try await ask(server, "PUT", "/b/k?partNumber=2&uploadId=\(id)", body: Array("world".utf8))
                let first = try await ask(server, "PUT", "/b/k?partNumber=1&uploadId=\(id)", body: Array("hello ".utf8))
                #expect(first.status == 200)
                #expect(second.headers["etag"] == "\"7d793037a0760186574b0282f2f435e7\"")
                #expect(try await ask(server, "GET", "/b/k").status == 404)
                let done = try await ask(server, "POST", "/b/k?uploadId=\(id)", body: Array("<x/>".utf8))
                let md5s = Digester<MD5>.digest("hello ".utf8) + Digester<MD5>.digest("world".utf8)
                let etag = "\"" + hex(Digester<MD5>.digest(md5s)) + "-2\""
                #expect(done.element("ETag") == etag.replacing("\"", with: "&quot;"))
                let answer = try await ask(server, "GET", "/b/k")
                #expect(answer.text == "hello world")
                #expect(answer.headers["etag"] == etag)
                #expect(try await ask(server, "POST", "/b/k?uploadId=\(id)").element("Code") == "NoSuchUpload")
            }
        }
    }

    @Test("a client that waits for 100 Continue gets it", .timeLimit(.minutes(5)))
    func expectContinue() async throws {
        try await withOpenServer { server async throws in
            let status = try await Wire.to(server) { wire in
                try await wire.send(plainRequest(server, "PUT", "/b/k", [("expect", "100-continue"), ("content-length", "1")]))
                let go = try await wire.interim()
                try await wire.send("", body: [1])
                return (go, try await wire.answer().status)
            }
            #expect(status == (100, 200))
        }
    }
}
