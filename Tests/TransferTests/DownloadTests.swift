import FileIO
import Servables
import SystemPackage
import Testing

@testable import Transfer

@Suite("Downloads into a staged file", .timeLimit(.minutes(5)))
struct DownloadTests {
    private static let whole = (0..<UInt32(125_000)).flatMap { number in
        withUnsafeBytes(of: number &* 2_654_435_761) { Array($0) }
    }

    /// Runs `body` beside a server, a client and an empty file of the size of `whole`.
    private func withFile(
        _ script: @escaping ScriptedServer.Script, _ change: (inout HTTPClientConfiguration) -> Void = { _ in },
        probe: (any FileSystemProbe)? = nil, _ body: (ScriptedServer, HTTPClient, StagedFile) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let file = try StagedFile(
                path: directory.appending("f"), size: Int64(Self.whole.count), fileSystem: FileSystem(probe: probe),
                reader: WorkerThread(name: "reader"))
            try await withServer(script, change) { server, client in try await body(server, client, file) }
        }
    }

    private static func body(_ range: Range<Int>, of status: Int = 206, announcing count: Int? = nil) -> [ScriptedServer.Step] {
        let head = "HTTP/1.1 \(status) X\r\nContent-Length: \(count ?? range.count)\r\n\r\n"
        return [.sendBytes(Array(head.utf8) + whole[range])]
    }

    private func content(_ file: StagedFile) throws -> [UInt8] {
        try FileSystem().readFile(file.path, limit: 1 << 20)
    }

    private static func write(_ range: Range<Int64>) -> @Sendable (ResponseHead) -> DownloadDecision {
        { _ in .write(range: range, checksums: [.crc64nvme, .crc32c]) }
    }

    @Test("ranges land at their offsets, with their checksums")
    func ranges() async throws {
        let script: ScriptedServer.Script = { $0.line[1] == "/a" ? Self.body(0..<300_001) : Self.body(300_001..<500_000) }
        try await withFile(script) { server, client, file in
            let heads = Lock([ResponseHead]())
            let second = try await client.download(HTTPRequest("GET", server.url + "/b"), into: file) { head in
                heads.withLock { $0.append(head) }
                return .write(range: 300_001..<500_000, checksums: .crc32c)
            }
            #expect(file.missing == [0..<300_001])
            let first = try await client.download(
                HTTPRequest("GET", server.url + "/a"), into: file, accept: Self.write(0..<300_001))
            #expect(second == .written(ResponseHead(status: 206, headers: [HTTPHeader("Content-Length", "199999")])))
            #expect(first == .written(ResponseHead(status: 206, headers: [HTTPHeader("Content-Length", "300001")])))
            #expect(heads.withLock { $0.map(\.status) } == [206])
            #expect(file.missing.isEmpty)
            #expect(file.crc64nvme() == Self.whole.withUnsafeBytes { checksum($0) })
            #expect(file.crc32c() != nil)
            #expect(try content(file) == Self.whole)
        }
    }

    @Test("what libcurl receives a body into is a block of the pool")
    func receiving() async throws {
        try await withFile({ _ in Self.body(0..<300_001) }) { server, client, file in
            let held = Lock(0)
            _ = try await client.download(HTTPRequest("GET", server.url), into: file) { _ in
                held.withLock { $0 = ReceiveBuffers.pool.usage.bytes }
                return .write(range: 0..<300_001, checksums: .crc64nvme)
            }
            #expect(held.withLock { $0 } >= 64 << 10)
        }
    }

    @Test("a block that is made larger or smaller keeps its bytes", arguments: [(1, 64), (64, 128), (128, 64), (64, 1)])
    func resized(fromKiB: Int, toKiB: Int) throws {
        let size = (before: fromKiB << 10, after: toKiB << 10)
        let block = try #require(ReceiveBuffers.allocate(size.before))
        UnsafeMutableRawBufferPointer(start: block, count: size.before).copyBytes(from: (0..<size.before).map { UInt8($0 % 251) })
        let other = try #require(ReceiveBuffers.resize(block, size.after))
        let kept = UnsafeRawBufferPointer(start: other, count: min(size.before, size.after))
        #expect(kept.elementsEqual((0..<kept.count).map { UInt8($0 % 251) }))
        ReceiveBuffers.release(other)
    }

    @Test("an empty range needs no body")
    func empty() async throws {
        try await withFile({ _ in [.answer(200, "")] }) { server, client, file in
            guard case .written = try await client.download(HTTPRequest("GET", server.url), into: file, accept: Self.write(7..<7))
            else {
                Issue.record("not written")
                return
            }
            #expect(file.stagedBytes == 0)
        }
    }

    @Test("an answer that is not wanted is collected, up to its limit, and the file is left alone")
    func collected() async throws {
        try await withFile({ _ in [.answer(412, "0123456789")] }) { server, client, file in
            for limit in [4, 10, 1000] {
                let outcome = try await client.download(HTTPRequest("GET", server.url), into: file) { _ in .collect(limit: limit)
                }
                let head = ResponseHead(status: 412, headers: [HTTPHeader("Content-Length", "10")])
                #expect(outcome == .collected(HTTPResponse(head: head, body: Array("0123456789".utf8.prefix(limit)))))
            }
            #expect(file.stagedBytes == 0)
        }
    }

    @Test("what came of a cut body is kept, and the rest can be fetched from the byte reached")
    func cut() async throws {
        let script: ScriptedServer.Script = {
            $0.line[1] == "/cut" ? Self.body(0..<200_000, announcing: 500_000) + [.close] : Self.body(200_000..<500_000)
        }
        try await withFile(script) { server, client, file in
            let kind = await failure {
                try await client.download(HTTPRequest("GET", server.url + "/cut"), into: file, accept: Self.write(0..<500_000))
            }
            #expect(kind == .bodyTooShort(expected: 500_000, received: 200_000))
            #expect(file.missing == [200_000..<500_000])
            _ = try await client.download(
                HTTPRequest("GET", server.url + "/rest"), into: file, accept: Self.write(200_000..<500_000))
            #expect(try content(file) == Self.whole)
            #expect(file.crc64nvme() == Self.whole.withUnsafeBytes { checksum($0) })
        }
    }

    @Test("a body that is whole but shorter than the range is too short")
    func short() async throws {
        try await withFile({ _ in Self.body(0..<10) }) { server, client, file in
            let kind = await failure {
                try await client.download(HTTPRequest("GET", server.url), into: file, accept: Self.write(0..<11))
            }
            #expect(kind == .bodyTooShort(expected: 11, received: 10))
            #expect(file.stagedBytes == 10)
        }
    }

    @Test("nothing is written past the range")
    func long() async throws {
        try await withFile({ _ in Self.body(0..<100_000) }) { server, client, file in
            let kind = await failure {
                try await client.download(HTTPRequest("GET", server.url), into: file, accept: Self.write(0..<50_000))
            }
            #expect(kind == .bodyTooLong(expected: 50_000))
            #expect(file.stagedBytes <= 50_000)
            let rest = try content(file)[50_000...]
            #expect(rest.allSatisfy { $0 == 0 })
        }
    }

    @Test("what came before a cancellation is kept, and the file can be written again when the call has returned")
    func cancelled() async throws {
        let script: ScriptedServer.Script = {
            $0.line[1] == "/hold" ? Self.body(0..<100_000, announcing: 500_000) : Self.body(100_000..<500_000)
        }
        try await withFile(script) { server, client, file in
            let accepted = AsyncStream.makeStream(of: Void.self)
            let call = start {
                try await client.download(HTTPRequest("GET", server.url + "/hold"), into: file) { _ in
                    accepted.continuation.yield()
                    return .write(range: 0..<500_000, checksums: [])
                }
            }
            for await _ in accepted.stream { break }
            call.cancel()
            #expect(await call.value == .cancelled)
            let staged = file.stagedBytes
            #expect(staged <= 100_000)
            #expect(file.missing == [staged..<500_000])
            let written = try content(file)[..<Int(staged)]
            #expect(Array(written) == Array(Self.whole[..<Int(staged)]))
        }
    }

    @Test("what came before a shutdown is kept")
    func shutdown() async throws {
        try await withFile({ _ in Self.body(0..<100_000, announcing: 500_000) }) {
            $0.stall.window = .seconds(60)
        } _: { server, client, file in
            let accepted = AsyncStream.makeStream(of: Void.self)
            let call = start {
                try await client.download(HTTPRequest("GET", server.url), into: file) { _ in
                    accepted.continuation.yield()
                    return .write(range: 0..<500_000, checksums: [])
                }
            }
            for await _ in accepted.stream { break }
            await client.shutdown()
            #expect(await call.value == .shutDown)
            #expect(file.missing == [file.stagedBytes..<500_000])
        }
    }

    @Test(
        "a file that refuses the bytes ends the transfer at once, and nothing of them is recorded", arguments: [500_000, 100_000])
    func refused(sent: Int) async throws {
        // What is written while nothing comes is refused there and then.
        let patient: (inout HTTPClientConfiguration) -> Void = { $0.stall.window = .seconds(3600) }
        let script: ScriptedServer.Script = { _ in Self.body(0..<sent, announcing: 500_000) }
        try await withFile(script, patient, probe: FailingWrite()) { server, client, file in
            let kind = await failure {
                try await client.download(HTTPRequest("GET", server.url), into: file, accept: Self.write(0..<500_000))
            }
            guard case .write(let error)? = kind else {
                Issue.record("not refused")
                return
            }
            #expect(error.errno == .noSpace)
            #expect(file.stagedBytes == 0)
        }
    }
}

/// Fails the first write of content, as a full disk does on which someone makes room then.
private final class FailingWrite: FileSystemProbe {
    private let hasFailed = Lock(false)

    func willMake(_ call: FileCall) -> ProbeVerdict {
        guard call.operation == .write else { return .proceed }
        return hasFailed.withLock { hasFailed in
            defer { hasFailed = true }
            return hasFailed ? .proceed : .fail(.noSpace)
        }
    }
}

private func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var checksum = RunningChecksum()
    checksum.update(bytes)
    return checksum.crc64nvme
}
