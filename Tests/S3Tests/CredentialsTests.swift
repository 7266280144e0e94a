import Servables
import Testing

@testable import S3

@Suite("Credentials")
struct CredentialsTests {
    static let home = ["HOME": "/home/a"]
    static let keys = Credentials(accessKeyID: "AKIAENV", secretAccessKey: "env-secret")

    private func chain(
        _ environment: [String: String], profile: String? = nil, files: [String: String] = [:]
    ) -> CredentialChain {
        CredentialChain(environment: environment, profile: profile) { (path) throws(Failure) in files[path] }
    }

    private func failure(_ chain: CredentialChain) async -> Failure? {
        do {
            _ = try await chain.credentials()
            return nil
        } catch {
            return error
        }
    }

    @Test("the environment's keys are taken first, the session token with them, and a line break at an end is not a part")
    func environment() async throws {
        let variables = ["AWS_ACCESS_KEY_ID": "AKIAENV\n", "AWS_SECRET_ACCESS_KEY": " env-secret", "AWS_SESSION_TOKEN": "t"]
        let found = try await chain(variables, files: ["/home/a/.aws/credentials": "[default]\naws_access_key_id=x"])
            .credentials()
        #expect(found == Credentials(accessKeyID: "AKIAENV", secretAccessKey: "env-secret", sessionToken: "t"))
        // The old name of the token's variable comes first, as in botocore.
        let older = try await chain(variables.merging(["AWS_SECURITY_TOKEN": "old"]) { $1 }).credentials()
        #expect(older?.sessionToken == "old")
    }

    @Test("an access key without its secret is an error that says so; a secret alone is none, as for botocore")
    func half() async throws {
        let half = try #require(await failure(chain(["AWS_ACCESS_KEY_ID": "x", "AWS_SESSION_TOKEN": "t"])))
        #expect(half.kind == .denied)
        #expect(half.message.contains("AWS_SECRET_ACCESS_KEY is not"))
        let secret = ["AWS_SECRET_ACCESS_KEY": "x"].merging(Self.home) { $1 }
        #expect(try await chain(secret, files: Self.files).credentials()?.accessKeyID == "AKIADEFAULT")
        let files = ["/home/a/.aws/config": "[default]\naws_secret_access_key = s\ncredential_process = false\n"]
        #expect(try #require(await failure(chain(Self.home, files: files))).message.contains("credential_process"))
    }

    @Test("a profile file is read as Python's configparser does: colons, and a file that is indented as a whole")
    func dialects() async throws {
        let colons = "[default]\naws_access_key_id: AKIACOLON\naws_secret_access_key: a=b:c\n"
        let found = try await chain(Self.home, files: ["/home/a/.aws/credentials": colons]).credentials()
        #expect(found?.accessKeyID == "AKIACOLON" && found?.secretAccessKey == "a=b:c")
        let indented = "  [default]\n  aws_access_key_id = AKIAIN\n  aws_secret_access_key = s\n  [profile other]\n  region = r\n"
        #expect(try await chain(Self.home, files: ["/home/a/.aws/config": indented]).credentials()?.accessKeyID == "AKIAIN")
        let nested =
            "[default]\n  services = s\n[services s]\n  s3 =\n    endpoint_url = http://nested\n  sts =\n    endpoint_url = http://sts\n"
        let profile = try Profile(environment: Self.home, chosen: nil) { (path) throws(Failure) in
            path.hasSuffix("config") ? nested : nil
        }
        #expect(profile.endpointURL == "http://nested" && profile.endpointURL(of: "sts") == "http://sts")
    }

    @Test("a folder where a profile file would be is none, and so is a file that lies where nothing can be seen")
    func unreachable() throws {
        #expect(try readProfileFile("/") == nil)
        #expect(try readProfileFile("/etc/hostname/credentials") == nil)
    }

    @Test("no credentials is a denial that says where they were looked for and what to do")
    func none() async throws {
        let failure = try #require(await failure(chain(Self.home)))
        #expect(failure.kind == .denied)
        let words = [
            "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "profile default", "/home/a/.aws/credentials",
            "/home/a/.aws/config",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI", "instance's metadata (169.254.169.254: cannot connect", "--s3-anonymous",
        ]
        for word in words {
            #expect(failure.message.contains(word), "\(word)")
        }
        #expect(try #require(await self.failure(chain([:]))).message.contains("HOME is not set"))
    }

    static let credentialsFile = """
        # a comment
        [default]
        aws_access_key_id = AKIADEFAULT
        aws_secret_access_key = a=b#c

        [ other ]
        AWS_ACCESS_KEY_ID=AKIAOTHER
        aws_secret_access_key=other
        aws_session_token=token
        """
    static let configurationFile = """
        [default]
        region = eu-west-1
        s3 =
            addressing_style = path
            endpoint_url = ignored
        [profile "conf"]
        aws_access_key_id = AKIACONF
        aws_secret_access_key = conf
        region = eu-north-1
        endpoint_url = http://minio:9000
        [profile half]
        aws_access_key_id = AKIAHALF
        [bare]
        aws_access_key_id = AKIABARE
        aws_secret_access_key = bare
        [profile sso]
        sso_session = mine
        """
    static let files = ["/home/a/.aws/credentials": credentialsFile, "/home/a/.aws/config": configurationFile]

    @Test(
        "a profile's keys come from the credentials file, then the configuration file",
        arguments: [
            ([:], nil, "AKIADEFAULT", "a=b#c"),
            (["AWS_PROFILE": "other"], nil, "AKIAOTHER", "other"),
            (["AWS_PROFILE": "other"], "conf", "AKIACONF", "conf"),
            (["AWS_PROFILE": "other", "AWS_DEFAULT_PROFILE": "conf"], nil, "AKIACONF", "conf"),
            // A profile that was chosen by a flag shuts out the keys of the environment; one chosen by a variable does not.
            (["AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "e"], "conf", "AKIACONF", "conf"),
            (["AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "e", "AWS_PROFILE": "conf"], nil, "AKIAENV", "e"),
        ] as [([String: String], String?, String, String)])
    func profiles(environment: [String: String], profile: String?, id: String, secret: String) async throws {
        let chain = chain(Self.home.merging(environment) { $1 }, profile: profile, files: Self.files)
        let found = try #require(try await chain.credentials())
        #expect(found.accessKeyID == id)
        #expect(found.secretAccessKey == secret)
    }

    @Test("other paths of the two files are honoured, with ~ for the home directory")
    func paths() async throws {
        let environment = Self.home.merging(["AWS_SHARED_CREDENTIALS_FILE": "~/c"]) { $1 }
        let found = try await chain(environment, files: ["/home/a/c": Self.credentialsFile]).credentials()
        #expect(found?.accessKeyID == "AKIADEFAULT")
    }

    @Test(
        "a profile that gives no keys says why",
        arguments: [
            ("half", "has aws_access_key_id but no aws_secret_access_key"),
            ("sso", "sso_session, which needs a person who signs in"),
            ("none", "no profile none in /home/a/.aws/credentials and /home/a/.aws/config"),
            // In the configuration file a profile is called one.
            ("bare", "no profile bare in /home/a/.aws/credentials and /home/a/.aws/config"),
        ])
    func unusable(profile: String, says: String) async throws {
        let failure = try #require(await failure(chain(Self.home, profile: profile, files: Self.files)))
        #expect(failure.kind == .denied)
        #expect(failure.message.contains(says), "\(failure.message)")
    }

    @Test("a pair is never made of halves from two files")
    func mixed() async throws {
        let files = [
            "/home/a/.aws/credentials": "[conf]\naws_access_key_id=AKIANEW", "/home/a/.aws/config": Self.configurationFile,
        ]
        let failure = try #require(await failure(chain(Self.home, profile: "conf", files: files)))
        #expect(failure.message.contains("no aws_secret_access_key"))
    }

    @Test("a setting that is in both files is the credentials file's")
    func both() throws {
        let files = ["/home/a/.aws/credentials": "[conf]\nregion=eu-west-3", "/home/a/.aws/config": Self.configurationFile]
        let profile = try Profile(environment: Self.home, chosen: "conf") { (path) throws(Failure) in files[path] }
        #expect(profile["region"] == "eu-west-3")
        #expect(profile["endpoint_url"] == "http://minio:9000")
    }

    @Test("a malformed file names the line and not what stands in it")
    func malformed() async throws {
        let files = ["/home/a/.aws/credentials": "[default]\naws_access_key_id = a\nhunter2-the-secret\n"]
        let failure = try #require(await failure(chain(Self.home, files: files)))
        #expect(failure.kind == .configuration)
        #expect(failure.message.contains("/home/a/.aws/credentials, line 3"))
        #expect(!failure.message.contains("hunter2"))
    }

    @Test("after a refusal the files are read anew, and it is said whether they gave something else")
    func refresh() async throws {
        let files = Box(["/home/a/.aws/credentials": "[default]\naws_access_key_id=old\naws_secret_access_key=s"])
        let chain = CredentialChain(environment: Self.home, profile: nil) { (path) throws(Failure) in files.value[path] }
        let old = try #require(try await chain.credentials())
        #expect(await chain.refresh(insteadOf: old) == false)
        files.value["/home/a/.aws/credentials"] = "[default]\naws_access_key_id=new\naws_secret_access_key=s"
        #expect(try await chain.credentials() == old)
        #expect(await chain.refresh(insteadOf: old))
        #expect(try await chain.credentials()?.accessKeyID == "new")
    }

    @Test("no text made of credentials or of a profile holds a secret")
    func masked() throws {
        let keys = Credentials(accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "hunter2", sessionToken: "token2")
        let profile = try Profile(environment: Self.home, chosen: "other") { (path) throws(Failure) in Self.files[path] }
        var dumped = ""
        dump(keys, to: &dumped)
        dump([keys], to: &dumped)
        dump(profile, to: &dumped)
        dump(RequestSigner(credentials: keys, region: "r"), to: &dumped)
        let texts = ["\(keys)", String(reflecting: keys), "\([keys])", "\(profile)", String(reflecting: profile), dumped]
        for text in texts {
            for secret in ["hunter2", "token2", "AKIAIOSFODNN", "AKIAOTHER", "other,", "\"token\""] {
                #expect(!text.contains(secret), "\(text)")
            }
        }
        #expect("\(keys)" == "Credentials(…MPLE)")
    }
}
