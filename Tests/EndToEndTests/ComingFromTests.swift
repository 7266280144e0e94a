import S3Fixture
import Testing

/// What docs/coming-from says of the variables and directories that others leave behind.
@Suite("coming from elsewhere", .fewAtATime)
struct ComingFromTests {
    /// With nothing but what the old setup had.
    private func aspired(_ variables: [String: String]) -> Aspired {
        var environment = Site.environment(endpoint: "")
        for name in ["AWS_ENDPOINT_URL", "AWS_REGION"] { environment[name] = nil }
        return Aspired(environment: environment.merging(variables) { $1 })
    }

    private static func host(_ site: Site) -> String { String(site.server.url.dropFirst("http://".count)) }

    @Test(
        "the variables of TensorFlow Serving's S3 client, as Kubeflow and KServe set them",
        arguments: [
            ["AWS_REGION": "us-west-1", "S3_ENDPOINT": "HOST", "S3_USE_HTTPS": "0", "S3_VERIFY_SSL": "0"],
            ["AWS_REGION": "us-west-1", "S3_ENDPOINT": "HOST", "S3_USE_HTTPS": "false", "S3_VERIFY_SSL": "true"],
            ["S3_REGION": "us-west-1", "S3_ENDPOINT": "http://HOST", "S3_USE_HTTPS": "true", "s3Enable": "true"],
            [
                "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://HOST", "S3_USE_HTTPS": "0",
                "awsAnonymousCredential": "false",
            ],
        ])
    func variables(variables: [String: String]) async throws {
        try await Site.with { site in
            try site.put(1)
            try site.put(2)
            let filled = variables.mapValues { $0.replacing("HOST", with: Self.host(site)) }
            let outcome = try await aspired(filled)(["once"] + site.arguments())
            #expect(outcome.code == 0, "\(outcome)")
            #expect(site.versions() == ["2"])
        }
    }

    @Test("KServe's storage initializer: its argument order and its environment")
    func storageInitializer() async throws {
        try await Site.with { site in
            try site.put(1)
            try site.put(4, of: "other")
            var variables = [
                "AWS_ACCESS_KEY_ID": FixtureCredentials.example.accessKey,
                "AWS_SECRET_ACCESS_KEY": FixtureCredentials.example.secretKey, "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": "http://\(Self.host(site))", "S3_ENDPOINT": Self.host(site), "S3_USE_HTTPS": "0",
                "S3_VERIFY_SSL": "0", "S3_USER_VIRTUAL_BUCKET": "false", "awsAnonymousCredential": "false",
            ]
            variables["ASPIRED_READY"] = "none"
            let planned = try await aspired(variables)("plan", "s3://models/mnist", site.root)
            #expect(planned.code == 0 && planned.output.contains("mnist"), "\(planned)")
            let outcome = try await aspired(variables)("once", "s3://models/mnist/", site.root, "s3://models/other", site.root)
            #expect(outcome.code == 0, "\(outcome)")
            #expect(site.versions() == ["1"] && site.versions(of: "other") == ["4"])
        }
    }

    @Test("a bucket that exporters wrote: directory markers are directories, temporary ones are no versions")
    func exporters() async throws {
        try await Site.with { site in
            try site.put(1_547_100_373)
            for key in ["mnist/", "mnist/1547100373/", "mnist/1547100373/variables/", "mnist/temp-1547100999/saved_model.pb"] {
                site.server.put(bucket: "models", key: key, data: key.hasSuffix("/") ? [] : [1])
            }
            let outcome = try await site.once()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(site.versions() == ["1547100373"])
            #expect(try FileTree(site.published(1_547_100_373)).files == Models.version(1_547_100_373))
        }
    }

    @Test("what a loop around aws s3 sync left is taken over as it is where it is whole, and replaced where it is not")
    func loop() async throws {
        try await Site.with { site in
            try site.put(1)
            try site.put(2)
            try Models.write(Models.version(1), to: site.published(1))
            var half = Models.version(2)
            half["variables/variables.index"] = nil
            try Models.write(half, to: site.published(2))
            let before = try FileTree(site.published(1))
            let outcome = try await site.aspired(["once", "--republish-pause", "10ms", "--versions", "all"] + site.arguments())
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try FileTree(site.published(1)) == before)
            #expect(try FileTree(site.published(2)).files == Models.version(2))
            #expect(outcome.errors.contains("adopted mnist version 1"))
        }
    }
}
