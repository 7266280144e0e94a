import S3Fixture
import Testing

@Suite("Exit codes", .fewAtATime)
struct ExitCodeTests {
    /// A command that must fail.
    struct Failing: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: Int32
        /// What the message says.
        let says: [String]
        var query = "ready=none"
        var model = "mnist"
        /// Behind `--root` and `--model`.
        var arguments: [String] = []
        /// Set besides, or taken away.
        var environment: [String: String?] = [:]
        /// What a bucket of two versions of `mnist` is made to.
        var prepare: @Sendable (Site) throws -> Void = { _ in }
    }

    static let failing: [Failing] = [
        Failing(
            testDescription: "no such bucket", code: 66, says: ["ListObjects", "nowhere", "NoSuchBucket", "check"],
            arguments: ["--model", "other=s3://nowhere/other"]),
        Failing(
            testDescription: "no version of the model", code: 66, says: ["s3://models/empty", "no version", "integer"],
            model: "empty"),
        Failing(
            testDescription: "a version named by number and not there", code: 66, says: ["s3://models/mnist", "9", "--versions"],
            query: "ready=none&versions=9"),
        Failing(
            testDescription: "a wrong secret", code: 77, says: ["SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"],
            environment: ["AWS_SECRET_ACCESS_KEY": Aspired.wrongSecret]),
        Failing(
            testDescription: "an unknown key", code: 77, says: ["InvalidAccessKeyId"],
            environment: ["AWS_ACCESS_KEY_ID": "AKIANOBODYKNOWSTHIS0"]),
        Failing(
            testDescription: "no credentials", code: 77, says: ["credentials", "AWS_ACCESS_KEY_ID"],
            environment: ["AWS_ACCESS_KEY_ID": nil, "AWS_SECRET_ACCESS_KEY": nil]),
        Failing(
            testDescription: "an endpoint where nobody listens", code: 69, says: ["127.0.0.1:1", "refused"],
            arguments: ["--s3-endpoint", "http://127.0.0.1:1", "--timeout", Site.timeIsOver]),
        Failing(
            testDescription: "an endpoint that has no address", code: 69, says: ["s3.invalid"],
            arguments: ["--s3-endpoint", "http://s3.invalid", "--s3-addressing", "path", "--timeout", Site.timeIsOver]),
        Failing(
            testDescription: "a proxy that nobody listens as", code: 69,
            says: ["s3.invalid (through the proxy 127.0.0.1:1 of http_proxy)", "refused"],
            arguments: ["--s3-endpoint", "http://s3.invalid", "--timeout", Site.timeIsOver],
            environment: ["http_proxy": "http://me:\(Aspired.proxyPassword)@127.0.0.1:1"]),
        Failing(
            testDescription: "a proxy that is no HTTP proxy", code: 78, says: ["https_proxy: expected an HTTP proxy, such as"],
            environment: ["https_proxy": "socks5://me:\(Aspired.proxyPassword)@127.0.0.1:1"]),
        Failing(
            testDescription: "AWS's endpoints with validated cryptography, and another endpoint", code: 78,
            says: ["AWS_USE_FIPS_ENDPOINT", "of AWS_ENDPOINT_URL", "take one of them away"],
            environment: ["AWS_USE_FIPS_ENDPOINT": "true"]),
        Failing(
            testDescription: "an access point of a kind that is not supported", code: 78,
            says: ["arn:aws:s3::12:accesspoint:x.mrap", "name the bucket of one region"],
            arguments: ["--model", "other=s3://arn:aws:s3::12:accesspoint:x.mrap/other"]),
        Failing(
            testDescription: "an unknown flag", code: 64, says: ["--pol-interval", "--poll-interval"],
            arguments: ["--pol-interval", "3s"]),
        Failing(
            testDescription: "a value that is none", code: 64, says: ["--poll-interval", "'soon'", "30s"],
            arguments: ["--poll-interval", "soon"]),
        Failing(
            testDescription: "an unknown variable", code: 64, says: ["ASPIRED_POL_INTERVAL", "ASPIRED_POLL_INTERVAL"],
            environment: ["ASPIRED_POL_INTERVAL": "3s"]),
        Failing(
            testDescription: "two models of one name", code: 64, says: ["mnist"],
            arguments: ["--model", "mnist=s3://models/other"]),
        Failing(
            testDescription: "a model's name that is a path", code: 64, says: ["../mnist"],
            arguments: ["--model", "../mnist=s3://models/other"]),
        Failing(
            testDescription: "two names of one number", code: 65, says: ["007", "7", "s3://models/mnist"],
            prepare: { site in
                try Models.write(Models.version(7), to: "\(site.bucket)/mnist/7")
                try Models.write(Models.version(7), to: "\(site.bucket)/mnist/007")
            }),
        Failing(
            testDescription: "wrong bytes that stay", code: 65, says: ["mnist/2/saved_model.pb", "crc64nvme"],
            arguments: ["--timeout", "40s"],
            prepare: { site in
                site.server.script(Fault(.flipBit(at: 100), on: .get, key: "models/mnist/2/saved_model.pb", times: nil))
            }),
        Failing(
            testDescription: "a listing that no parser takes", code: 69, says: ["ListObjects", "s3://models/mnist"],
            arguments: ["--timeout", Site.timeIsOver],
            prepare: { $0.server.script(Fault(.truncateListing, on: .list, times: nil)) }),
        Failing(
            testDescription: "an object that is always refused", code: 77,
            says: ["GetObject", "mnist/2/saved_model.pb", "AccessDenied"],
            arguments: ["--timeout", "40s"],
            prepare: { site in
                let fault = Fault(.status(403, code: "AccessDenied"), on: .get, key: "*/2/saved_model.pb", times: nil)
                site.server.script(fault)
            }),
        Failing(
            testDescription: "a version that stays incomplete until the time is over", code: 75,
            says: ["mnist", "2", "held", "DONE"],
            query: "ready=marker:DONE", arguments: ["--timeout", Site.timeIsOver]),
        Failing(
            testDescription: "a root that is a file", code: 73, says: ["/volume"],
            prepare: { site in
                try removeTree(site.root)
                try writeFile(site.root, [])
            }),
    ]

    @Test("once says what was wrong on one line, and ends with the code of its cause", arguments: failing)
    func fails(case failing: Failing) async throws {
        try await Site.with { site in
            for version in [1, 2] { try site.put(version) }
            try failing.prepare(site)
            let before = try FileTree(site.scratch).shape
            var aspired = site.aspired
            for (name, value) in failing.environment { aspired.environment[name] = value }
            let arguments = site.arguments(failing.model, query: failing.query)
            let outcome = try await aspired(["once"] + arguments + failing.arguments)
            #expect(outcome.code == failing.code, "\(outcome)")
            for word in failing.says {
                #expect(outcome.lastWord.contains(word), "'\(word)' is missing: \(outcome)")
            }
            #expect(outcome.lines.allSatisfy { line in !line.message.contains { $0.isNewline } })
            #expect(outcome.output.isEmpty)
            let after = try FileTree(site.scratch).shape
            #expect(before.allSatisfy { after[$0.key] == $0.value }, "something that was there is gone")
            // A model that is sound is published, whatever ails another.
            let isSound = failing.arguments.contains("other=s3://nowhere/other")
            #expect(site.versions() == (isSound ? ["2"] : []))
        }
    }

    @Test("the process ends without taking apart the libraries that its threads may still use")
    func leavesLibrariesAlone() async throws {
        try await Site.with { site in
            try site.put(1)
            var aspired = site.aspired
            // glibc tells of each library when it is set up, and when an exit handler ends it.
            aspired.environment["LD_DEBUG"] = "files"
            let outcome = try await aspired(["once"] + site.arguments())
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.errors.contains(/calling init: .*libcrypto/))
            #expect(!outcome.errors.contains("calling fini:"))
        }
    }

    @Test("a second once gives up on a volume that another agent holds, and says which")
    func anotherAgentHoldsTheVolume() async throws {
        try await Site.with { site in
            try site.put(1)
            try await site.aspired.run(site.arguments()) { agent in
                try await agent.waitUntilReady()
                let outcome = try await site.once("--timeout", Site.timeIsOver)
                #expect(outcome.code == 75, "\(outcome)")
                #expect(outcome.lastWord.contains("\(agent.process.identifier)"), "\(outcome)")
                #expect(outcome.lastWord.contains(site.root))
            }
        }
    }

    @Test("a store that is always busy is the cause when the time is over")
    func alwaysBusy() async throws {
        try await Site.with { site in
            try site.put(1)
            site.server.script(Fault(.status(503, code: "SlowDown"), times: nil))
            let outcome = try await site.once("--timeout", Site.timeIsOver)
            #expect(outcome.code == 69, "\(outcome)")
            #expect(outcome.lastWord.contains("503") && outcome.lastWord.contains("SlowDown"), "\(outcome)")
        }
    }

    @Test("of several failures the one that cannot heal decides")
    func worstWins() async throws {
        try await Site.with { site in
            try site.put(1)
            let outcome = try await site.once(
                "--model", "away=s3://models/away?endpoint=http://127.0.0.1:1", "--model", "wrong=s3://nowhere/wrong",
                "--timeout", Site.timeIsOver)
            #expect(outcome.code == 66, "\(outcome)")
            #expect(site.versions() == ["1"], "one model's failure is no other's")
        }
    }

    @Test("a model that is not required fails without a code")
    func notRequired() async throws {
        try await Site.with { site in
            try site.put(1)
            let outcome = try await site.once("--model", "wrong=s3://nowhere/wrong?required=false")
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.errors.contains("NoSuchBucket"))
            #expect(site.versions() == ["1"])
        }
    }

    @Test("no key, token or secret is in anything that is said or kept")
    func keepsSecrets() async throws {
        var options = FixtureOptions()
        var credentials = FixtureCredentials.example
        credentials.sessionToken = Aspired.sessionToken
        options.credentials = [credentials]
        try await Site.with(options: options) { site in
            try site.put(1)
            var aspired = Aspired(environment: Site.environment(endpoint: site.server.url, credentials: credentials))
            let done = try await aspired(["once"] + site.arguments() + ["--log-level", "trace"])
            #expect(done.code == 0, "\(done)")
            let kept = try FileTree(site.root).entries
            for (path, entry) in kept { expectNoSecret(in: path + String(decoding: entry.content, as: UTF8.self), of: path) }
            try await aspired.run(site.arguments() + ["--log-level", "trace"]) { agent in
                try await agent.waitUntilReady()
                for path in ["/metrics", "/status", "/"] { #expect(try await agent.get(path).status == 200) }
            }
            let shown = try await aspired(["config", "-o", "json"] + site.arguments())
            #expect(shown.code == 0, "\(shown)")
            // A token that the store takes for none: its answers are not repeated with it.
            aspired.environment["AWS_SESSION_TOKEN"] = Aspired.wrongSecret
            let denied = try await aspired(["once"] + site.arguments() + ["--log-level", "trace"])
            #expect(denied.code == 77, "\(denied)")
        }
    }
}
