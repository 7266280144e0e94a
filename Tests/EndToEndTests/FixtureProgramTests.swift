import Glibc
import S3Fixture
import Testing

@Suite("s3-fixture", .fewAtATime)
struct FixtureProgramTests {
    @Test("serves a folder to aspired, misbehaves as told, and ends at SIGTERM")
    func serves() async throws {
        try await withScratch { scratch in
            try Models.write(Models.version(1), to: "\(scratch)/s3/models/mnist/1")
            try makeDirectory("\(scratch)/volume")
            let command = [Binaries.fixture, "--root", "\(scratch)/s3", "--fault", "status=503/SlowDown,on=get"]
            // SwiftNIO's threads last as long as the process: what looks for leaks, in a build that does, would report them.
            try await ChildProcess.with(command, environment: ["ASAN_OPTIONS": "detect_leaks=0"]) { fixture in
                try await eventually("it listens: \(fixture.errorText)") { fixture.outputText.contains("listening on http://") }
                let endpoint = fixture.outputText.split(separator: " ").last?.split(separator: "\n").first.map(String.init) ?? ""
                let aspired = Aspired(environment: Site.environment(endpoint: endpoint))
                let outcome = try await aspired(
                    "once", "--root", "\(scratch)/volume", "--model", "mnist=s3://models/mnist?ready=none")
                #expect(outcome.code == 0, "\(outcome)")
                #expect(outcome.errors.contains("503"))
                #expect(try FileTree("\(scratch)/volume/mnist/1").files == Models.version(1))
                fixture.send(SIGTERM)
                #expect(try await fixture.wait() == .exited(0))
            }
        }
    }
}
