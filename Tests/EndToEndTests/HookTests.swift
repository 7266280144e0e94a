import Glibc
import PlainJSON
import Testing

@Suite("hooks", .fewAtATime)
struct HookTests {
    /// A program that appends what it is told to a file.
    private func noting(_ site: Site, _ rest: String = "") throws -> String {
        let script = "\(site.scratch)/hook.sh"
        let text = """
            #!/bin/sh
            echo "$CHANGE_ACTION $CHANGE_MODEL $CHANGE_VERSION $CHANGE_DIR $#:$1" >> \(site.scratch)/noted
            \(rest)
            """
        try writeFile(script, Array(text.utf8))
        try #require(chmod(script, 0o755) == 0)
        return script
    }

    private func noted(_ site: Site) -> [String] {
        let bytes = (try? readFile("\(site.scratch)/noted")) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test("a program is run after each change, in order, by once and by run, with its arguments as they are quoted")
    func program() async throws {
        try await Site.with { site in
            try site.put(7)
            let hook = ["--on-change-exec", "\(try noting(site, "echo $SPOKEN")) 'two words'"]
            var aspired = site.aspired
            aspired.environment["SPOKEN"] = "hello"
            let outcome = try await aspired(["once"] + site.arguments() + hook)
            #expect(outcome.code == 0, "\(outcome)")
            #expect(noted(site) == ["publish mnist 7 \(site.published(7)) 1:two words"])
            #expect(outcome.errors.contains("publish of mnist 7: it said: hello"), "\(outcome)")
            try await aspired.run(site.arguments() + hook + ["--poll-interval", "100ms"]) { agent in
                try await agent.waitUntilReady()
                try site.put(8)
                try await eventually("both changes are noted: \(agent.errors)") { noted(site).count == 3 }
                #expect(
                    noted(site).dropFirst() == [
                        "publish mnist 8 \(site.published(8)) 1:two words", "prune mnist 7 \(site.published(7)) 1:two words",
                    ])
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("a program that hangs, fails or is not there holds up no publication, and is told")
    func failing() async throws {
        try await Site.with { site in
            try site.put(7)
            let hook = [
                "--on-change-exec", try noting(site, "[ $CHANGE_VERSION = 8 ] && exec sleep 600; echo no good >&2; exit 3"),
            ]
            try await site.aspired.run(site.arguments() + hook + ["--poll-interval", "100ms", "--hook-timeout", "2s"]) { agent in
                try await agent.waitUntilReady()
                try await eventually("it is told: \(agent.errors)") {
                    agent.said("publish of mnist 7: it ended with 3; it said: no good; it is not run again for this change")
                }
                try site.put(8)
                try await site.wait(until: agent, holds: 8)
                try site.put(9)
                try await site.wait(until: agent, holds: 9)
                try await eventually("it was killed: \(agent.errors)") {
                    agent.said("publish of mnist 8: it took longer than --hook-timeout 2s and was killed")
                }
                try await eventually("the later ones follow: \(agent.errors)") { noted(site).count == 5 }
                #expect(try await agent.get("/healthz").status == 200)
                #expect(try await agent.stop() == .exited(0))
            }
            let missing = try await site.aspired(
                ["once"] + site.arguments("other") + ["--versions", "1"] + [
                    "--on-change-exec", "/nowhere/hook", "--timeout", Site.timeIsOver,
                ])
            #expect(missing.code == 66)
            try site.put(1, of: "third")
            let third = try await site.aspired(["once"] + site.arguments("third") + ["--on-change-exec", "/nowhere/hook"])
            #expect(
                third.code == 0 && third.errors.contains("/nowhere/hook, publish of third 1: it could not be started"), "\(third)"
            )
        }
    }

    @Test("a stop does not wait for a program that hangs")
    func stopping() async throws {
        try await Site.with { site in
            try site.put(7)
            let hook = ["--on-change-exec", try noting(site, "exec sleep 20")]
            try await site.aspired.run(site.arguments() + hook) { agent in
                try await agent.waitUntilReady()
                try await eventually("it runs") { noted(site).count == 1 }
                #expect(try await agent.stop() == .exited(0))
                #expect(agent.said("stopped before the hooks of 1 change had ended"))
            }
        }
    }

    /// Lends `body` a receiver's port, and what it has taken so far.
    private func receiving(
        _ statuses: String, _ body: (String, @Sendable () -> [JSON]) async throws -> Void
    ) async throws {
        let script = "\(#filePath.splitPath.parent)/Support/webhook.py"
        let python = try #require(Binaries.tool("python3"))
        try await ChildProcess.with([python, script, statuses], environment: [:]) { receiver in
            try await eventually("the receiver listens: \(receiver.errorText)") { receiver.outputText.contains("\n") }
            let port = receiver.outputText.split(separator: "\n")[0]
            try await body("127.0.0.1:\(port)") {
                receiver.outputText.split(separator: "\n").dropFirst().compactMap { try? JSON(parsing: String($0)) }
            }
        }
    }

    @Test("changes are posted as JSON, signed where there is a secret, and again where the answer is an error that may pass")
    func webhook() async throws {
        try await Site.with { site in
            try site.put(7)
            let secret = "\(site.scratch)/secret"
            try writeFile(secret, Array("key\n".utf8))
            try await receiving("503,200") { address, taken in
                let outcome = try await site.once(
                    "--on-change-webhook", "http://\(address)/token/T0KEN?x=1", "--webhook-secret-file", secret)
                #expect(outcome.code == 0 && !outcome.errors.contains("T0KEN"), "\(outcome)")
                let posts = taken()
                #expect(posts.count == 2)
                let body = #"{"action":"publish","model":"mnist","version":7,"dir":"\#(site.published(7))"}"#
                let signature = try signature(of: body, key: "key")
                for post in posts {
                    #expect(post["path"]?.string == "/token/T0KEN?x=1")
                    #expect(post["body"]?.string == body)
                    #expect(post["headers"]?["content-type"]?.string == "application/json")
                    #expect(post["headers"]?["x-aspired-signature"]?.string == "sha256=\(signature)")
                }
            }
        }
    }

    /// By OpenSSL's own program.
    private func signature(of body: String, key: String) throws -> String {
        let pipe = try #require(popen("printf %s '\(body)' | openssl dgst -sha256 -hmac '\(key)' -r", "r"))
        defer { pclose(pipe) }
        var line = [CChar](repeating: 0, count: 65)
        try #require(fgets(&line, 65, pipe) != nil)
        return String(decoding: line.prefix(64).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    @Test("a webhook that refuses for good, or is never there, is told once, without what may be a secret in its URL")
    func refused() async throws {
        try await Site.with { site in
            try site.put(7)
            try await receiving("404") { address, taken in
                let outcome = try await site.once("--on-change-webhook", "http://\(address)/token/T0KEN")
                #expect(outcome.code == 0)
                #expect(
                    outcome.errors.contains(
                        "--on-change-webhook http://\(address)/…, publish of mnist 7: it answered 404 (1 try)"),
                    "\(outcome)")
                #expect(!outcome.errors.contains("T0KEN") && taken().count == 1)
            }
            try site.put(8)
            let gone = try await site.once("--on-change-webhook", "http://127.0.0.1:1/T0KEN", "--hook-timeout", "2s")
            #expect(gone.code == 0 && gone.errors.contains("publish of mnist 8: ") && gone.errors.contains("tries); "), "\(gone)")
            #expect(!gone.errors.contains("T0KEN"))
            let shown = try await site.aspired(["config"] + site.arguments() + ["--on-change-webhook", "http://h.example/T0KEN"])
            #expect(shown.code == 0 && shown.output.contains("http://h.example/…") && !shown.output.contains("T0KEN"), "\(shown)")
            let wrong = try await site.once("--on-change-webhook", "h.example/T0KEN")
            #expect(wrong.code == 64 && !wrong.errors.contains("T0KEN"), "\(wrong)")
            let noSecret = try await site.once("--on-change-webhook", "http://h.example/", "--webhook-secret-file", "/nowhere/s")
            #expect(noSecret.code == 78 && noSecret.errors.contains("/nowhere/s"), "\(noSecret)")
        }
    }
}
