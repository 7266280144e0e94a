import S3Fixture
import Testing

@Suite("Real S3 servers", .fewAtATime)
struct RealServersTests {
    @Test(
        "once pulls generated models byte for byte, and a second once changes nothing",
        .enabled(if: RealServer.allCases.allSatisfy(\.isInstalled), RealServer.message), arguments: RealServer.allCases)
    func pullsGeneratedModels(server: RealServer) async throws {
        try await pull(from: server) { bucket in
            for version in [3, 10] {
                try Models.write(Models.version(version, size: 3_000_000), to: "\(bucket)/generated/\(version)")
            }
        }
    }

    @Test(
        "once pulls TensorFlow's SavedModels byte for byte, and a second once changes nothing",
        .enabled(if: RealServer.allCases.allSatisfy(\.isInstalled), RealServer.message),
        .enabled(if: Binaries.sharedModels != nil, "testdata/savedmodel of the shared folder is not there"),
        arguments: RealServer.allCases)
    func pullsSavedModels(server: RealServer) async throws {
        try await pull(from: server, fill: copySavedModels)
    }

    /// What was uploaded with which checksum, and what each server says of it.
    ///
    /// rclone has the MD5 of whatever it has. moto gives composite checksums without a mark, which are not believed, and tells the
    /// sizes of parts only to who does not pin; the gateway tells nothing but the ETag.
    static let uploads: [(checksum: String, moto: String)] = [
        ("none", "md5-multipart"), ("default", "md5-multipart"), ("crc32", "md5-multipart"), ("crc32-whole", "crc32"),
        ("crc32c", "md5-multipart"), ("crc64nvme", "crc64nvme"), ("sha1", "md5-multipart"), ("sha256", "md5-multipart"),
    ]

    @Test(
        "once pulls what boto3 uploaded in parts byte for byte, and the manifest says how it was verified",
        .enabled(if: RealServer.allCases.allSatisfy(\.isInstalled), RealServer.message), arguments: RealServer.allCases)
    func pullsUploadsInParts(server: RealServer) async throws {
        try await withScratch { scratch in
            let (buckets, root) = ("\(scratch)/s3", "\(scratch)/volume")
            for (number, upload) in Self.uploads.enumerated() {
                let files = ["model.bin": Models.noise(9 << 20 + number, seed: number), "small.txt": Array("small".utf8)]
                try Models.write(files, to: "\(buckets)/models/\(upload.checksum)/1")
            }
            try makeDirectory(root)
            try await server.with(folder: buckets, filling: .parts) { endpoint in
                let aspired = Aspired(environment: Site.environment(endpoint: endpoint))
                let models = Self.uploads.flatMap { ["--model", "\($0.checksum)=s3://models/\($0.checksum)"] }
                let outcome = try await aspired(["once", "--root", root, "--ready", "none"] + models, within: .seconds(120))
                #expect(outcome.code == 0, "\(outcome)")
            }
            for upload in Self.uploads {
                let (found, expected) = ("\(root)/\(upload.checksum)", "\(buckets)/models/\(upload.checksum)")
                #expect(try FileTree(found).shape == FileTree(expected).shape, "\(upload.checksum) differs")
                let manifest = try readFile("\(root)/.aspired/manifests/\(upload.checksum)/1.json")
                let line = String(decoding: manifest, as: UTF8.self).split(separator: "\n").first { $0.contains("model.bin") }
                let method =
                    switch server {
                    case .rclone: "md5"
                    case .moto: upload.moto
                    case .juicefs: "md5-multipart"
                    }
                #expect(line?.contains("\"verified\":\"\(method)\"") == true, "\(upload.checksum): \(line ?? "")")
            }
        }
    }

    @Test(
        "once pulls TensorFlow's SavedModels from the fixture, and a second once asks for no object",
        .enabled(if: Binaries.sharedModels != nil, "testdata/savedmodel of the shared folder is not there"))
    func asksForNothingTwice() async throws {
        try await Site.with { site in
            try copySavedModels(to: site.bucket)
            try await pullTwice(site.aspired, from: site.bucket, root: site.root) {
                #expect(!site.gets.isEmpty)
                site.server.forgetRequests()
            }
            #expect(site.gets.isEmpty)
            #expect(!site.lists.isEmpty)
        }
    }

    private func pull(from server: RealServer, fill: (_ bucket: String) throws -> Void) async throws {
        try await withScratch { scratch in
            let buckets = "\(scratch)/s3"
            try makeDirectory("\(buckets)/models")
            try fill("\(buckets)/models")
            try await server.with(folder: buckets) { endpoint in
                let aspired = Aspired(environment: Site.environment(endpoint: endpoint))
                try await pullTwice(aspired, from: "\(buckets)/models", root: "\(scratch)/volume")
            }
        }
    }

    private func copySavedModels(to bucket: String) throws {
        let shared = try #require(Binaries.sharedModels)
        for model in try names(in: shared) {
            for version in try names(in: "\(shared)/\(model)") {
                try Models.write(FileTree("\(shared)/\(model)/\(version)").files, to: "\(bucket)/\(model)/\(version)")
            }
        }
    }

    private func pullTwice(
        _ aspired: Aspired, from bucket: String, root: String, between: () throws -> Void = {}
    ) async throws {
        let models = try names(in: bucket)
        let arguments =
            ["once", "--root", root, "--versions", "all", "--ready", "none", "--timeout", "60s"]
            + models.flatMap { ["--model", "\($0)=s3://models/\($0)"] }
        try makeDirectory(root)
        let first = try await aspired(arguments, within: .seconds(90))
        #expect(first.code == 0, "\(first)")
        for model in models {
            let found = try FileTree("\(root)/\(model)")
            let expected = try FileTree("\(bucket)/\(model)")
            #expect(found.paths == expected.paths)
            #expect(found.shape == expected.shape, "\(model) differs")
        }
        let before = try published(root)
        try between()
        let second = try await aspired(arguments, within: .seconds(90))
        #expect(second.code == 0, "\(second)")
        #expect(!second.errors.contains("fetching"), "\(second)")
        #expect(try published(root) == before)
    }

    /// Everything but what is ours alone, with inodes and times.
    private func published(_ root: String) throws -> [String: FileTree.Entry] {
        try FileTree(root).entries.filter { $0.key != ".aspired" && !$0.key.hasPrefix(".aspired/") }
    }
}
