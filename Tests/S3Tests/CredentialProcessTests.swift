import Glibc
import Servables
import Testing

@testable import S3

@Suite("credential_process")
struct CredentialProcessTests {
    static let environment = ["PATH": "/usr/bin:/bin", "GREETING": "hello"]
    static let good =
        #"{"Version":1,"AccessKeyId":"K","SecretAccessKey":"s","SessionToken":"t","Expiration":"2027-01-15T09:00:00+00:00"}"#

    private func fetch(_ command: String, timeLimit: Duration = .seconds(30)) async throws(Failure) -> Credentials {
        try await CredentialProcess(command, profile: "p", environment: Self.environment, timeLimit: timeLimit).fetch()
    }

    @Test("it gets our environment, default signals, nothing to read, and no shell")
    func runs() async throws {
        let credentials = try await fetch("printf '%s' '\(Self.good)'")
        let expiration = Timestamp(secondsSinceEpoch: 1_800_003_600)
        #expect(credentials == Credentials(accessKeyID: "K", secretAccessKey: "s", sessionToken: "t", expiration: expiration))
        // The test's own process ignores SIGPIPE as the program does.
        signal(SIGPIPE, SIG_IGN)
        let script =
            #"read -r line && exit 3; ignored=$(sed -n "s/^SigIgn:[^0-9]*//p" /proc/self/status); "#
            + #"printf "{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\",\"SessionToken\":\"%s\"}" "#
            + #""$GREETING-$ignored" "$(ls /proc/self/fd | tr "\n" ,)" "$1""#
        let told = try await fetch("sh -c '\(script)' x '$HOME;*'")
        #expect(told.accessKeyID.hasPrefix("hello-0"))
        // The signals below 29, that is; glibc keeps two others for itself.
        #expect(told.accessKeyID.hasSuffix("0000000"), "\(told.accessKeyID)")
        #expect(told.secretAccessKey.hasPrefix("0,1,2,"))
        #expect(told.secretAccessKey.split(separator: ",").count <= 4)
        #expect(told.sessionToken == "$HOME;*")
        #expect(told.expiration == nil)
    }

    /// A command that fails, what is said of it, and whether it may heal.
    static let failing: [(String, String)] = [
        ("/nonexistent/tool --key hunter2", "credential_process tool of profile p: cannot be started: No such file or directory"),
        (
            "sh -c 'echo not; echo signed in >&2; exit 3' hunter2",
            "credential_process sh of profile p: exit code 3: signed in; run it by hand"
        ),
        ("sh -c 'kill -9 $$' hunter2", "killed by signal 9"),
        ("printf '{\"Version\":2,\"AccessKeyId\":\"K\",\"SecretAccessKey\":\"hunter2\"}'", "Version is not 1"),
        ("printf '{\"AccessKeyId\":\"K\",\"SecretAccessKey\":\"hunter2\"}'", "Version is not 1"),
        ("echo hunter2", "what it printed cannot be used: it is no JSON"),
        ("true", "what it printed cannot be used: it is no JSON"),
        ("sh -c 'head -c 300000 /dev/zero'", "it printed more than 131072 bytes"),
        ("cat /dev/zero", "it printed more than 131072 bytes"),
        ("'unclosed hunter2", "credential_process of profile p: a ' is not closed"),
        ("sh -c 'head -c 100000 /dev/zero | tr \"\\0\" x >&2; exit 1'", "exit code 1: xxx"),
    ]

    @Test("a command that fails is told by its name alone, with what it complained of", arguments: failing)
    func fails(command: String, says: String) async throws {
        let failure = try #require(await failure { () throws(Failure) in try await fetch(command) })
        #expect(failure.kind == .denied)
        #expect(failure.message.contains(says), "\(failure.message)")
        #expect(!failure.message.contains("hunter2"), "\(failure.message)")
        #expect(failure.message.utf8.count < 700)
    }

    @Test("one that does not end is killed with all that it has started")
    func timeLimit() async throws {
        let name = "/tmp/aspired-process-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(name) }
        // The child of the child says who it is, and holds the pipe.
        let failure = try #require(
            await failure { () throws(Failure) in
                try await fetch("sh -c 'sleep 1000 & echo $! >\(name); wait'", timeLimit: .milliseconds(500))
            })
        #expect(failure.message.contains("not done after 500ms"), "\(failure.message)")
        #expect(failure.isTransient)
        let bytes = try #require(try readProfileFile(name))
        let grandchild = try #require(pid_t(trimmed(bytes)))
        // Killed, and waited for by whoever inherited it: soon gone, or a zombie.
        let deadline = ContinuousClock.now + .seconds(20)
        while let status = try? readProfileFile("/proc/\(grandchild)/stat"), !status.contains(") Z "), !status.contains(") X ") {
            try #require(ContinuousClock.now < deadline, "\(status)")
            await Task.yield()
        }
    }

    @Test("one that leaves something behind is not waited for beyond its own end")
    func leavesBehind() async throws {
        let credentials = try await fetch("sh -c 'sleep 20 & printf %s \"$1\"' x '\(Self.good)'")
        #expect(credentials.accessKeyID == "K")
    }
}
