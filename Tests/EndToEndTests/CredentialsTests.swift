import Glibc
import S3Fixture
import Testing

@Suite("Credentials from end to end", .fewAtATime)
struct CredentialsTests {
    /// Ways to a role of moto's own token service; `%` stands for the scratch folder.
    struct Way: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let says: String
        var environment: [String: String] = [:]
        var configuration = ""
    }

    static let ways = [
        Way(
            testDescription: "a web identity", says: "role arn:aws:iam::123456789012:role/pod by web identity",
            environment: ["AWS_WEB_IDENTITY_TOKEN_FILE": "%/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pod"]),
        Way(
            testDescription: "a role of a profile", says: "role arn:aws:iam::123456789012:role/reader of profile models",
            environment: ["AWS_PROFILE": "models", "AWS_CONFIG_FILE": "%/config"],
            configuration: """
                [profile models]
                role_arn = arn:aws:iam::123456789012:role/reader
                source_profile = base
                external_id = \(Aspired.wrongSecret)
                [profile base]
                credential_process = cat "%/keys.json"
                """),
    ]

    @Test(
        "a role is assumed at moto's token service, and its credentials fetch a model",
        .enabled(if: RealServer.moto.isInstalled, RealServer.message), arguments: ways)
    func roles(way: Way) async throws {
        try await withScratch { scratch in
            func filled(_ text: String) -> String { text.replacing("%", with: scratch) }
            let buckets = "\(scratch)/s3"
            let files = Models.version(3, size: 30_000)
            try Models.write(files, to: "\(buckets)/models/mnist/3")
            try makeDirectory("\(scratch)/volume")
            let keys = FixtureCredentials.example
            let secret = "{\"Version\":1,\"AccessKeyId\":\"\(keys.accessKey)\",\"SecretAccessKey\":\"\(keys.secretKey)\"}"
            let written = ["token": Aspired.sessionToken, "config": filled(way.configuration), "keys.json": secret]
            try Models.write(written.mapValues { Array($0.utf8) }, to: "\(scratch)/set")
            for name in written.keys { try moveFile("\(scratch)/set/\(name)", to: "\(scratch)/\(name)") }
            try await RealServer.moto.with(folder: buckets) { endpoint in
                var environment = Site.environment(endpoint: endpoint, credentials: nil)
                environment.merge(way.environment.mapValues(filled)) { $1 }
                let outcome = try await Aspired(environment: environment)(
                    "once", "--root", "\(scratch)/volume", "--model", "mnist=s3://models/mnist?ready=none", "--timeout", "30s")
                #expect(outcome.code == 0, "\(outcome)")
                #expect(outcome.errors.contains("credentials: \(way.says), valid until 20"), "\(outcome)")
                #expect(try FileTree("\(scratch)/volume/mnist/3").files == files)
            }
        }
    }

    @Test("no core file can be made of the program, nor of what it starts")
    func noCoreFile() async throws {
        try await Site.with { site in
            try site.put(1)
            // Unlimited before, where that is allowed.
            let shell = ["/bin/sh", "-c", "ulimit -S -c $(ulimit -H -c); exec \"$@\"", "sh"]
            try await Aspired(environment: site.aspired.environment, prefix: shell).run(site.arguments()) { agent in
                try await agent.waitUntilReady()
                let limits = String(decoding: try readFile("/proc/\(agent.process.identifier)/limits"), as: UTF8.self)
                let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
                let soft = line.split(separator: " ")[4]
                #expect(soft == "1" || soft == "0", "\(line)")
            }
        }
    }
}
