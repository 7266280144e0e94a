import CLinux
import Glibc
import NIOPosix
import Testing

@testable import S3Fixture

@Suite("An independent client")
struct BotoTests {
    @Test("boto3 lists, heads, gets and puts, by path and by virtual host, and understands the errors", .timeLimit(.minutes(5)))
    func boto3() async throws {
        guard try await python("import boto3") == 0 else {
            print("skipped: no boto3 in this machine's Python")
            return
        }
        try await Scratch.with { scratch in
            try scratch.write("models/mnist/1/a b+é.bin", Array("123456789".utf8))
            try scratch.write("models/mnist/2/x", [1])
            let options = FixtureOptions(pageSize: 1)
            try await FixtureServer.with(root: scratch.path, options: options) { server async throws in
                #expect(try await python(script(port: server.port)) == 0)
                #expect(contents("\(scratch.path)/models/new/x y.txt") == Array("hello".utf8))
            }
        }
    }

    /// - Returns: the exit code; 127 where there is no Python.
    private func python(_ source: String) async throws -> CInt {
        try await NIOThreadPool.singleton.runIfActive {
            var pid: pid_t = 0
            var arguments = cStrings(["python3", "-c", source])
            defer { arguments.forEach { free($0) } }
            // Only where its scripts and libraries are found is its own; no credentials of the machine's.
            let kept = ["PATH", "HOME"].compactMap { (name: String) in getenv(name).map { "\(name)=\(String(cString: $0))" } }
            var environment = cStrings(
                kept + ["AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "PYTHONWARNINGS=ignore"])
            defer { environment.forEach { free($0) } }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            // Else the child would keep the sockets of other tests open.
            aspired_spawn_close_from(&actions, 3)
            guard posix_spawnp(&pid, "python3", &actions, nil, &arguments, &environment) == 0 else { return 127 }
            var status: CInt = 0
            waitpid(pid, &status, 0)
            return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
        }
    }

    /// Ends with the null pointer that `exec` wants; the caller frees them.
    private func cStrings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        texts.map { text in strdup(text) } + [nil]
    }

    private func script(port: Int) -> String {
        """
        import boto3, botocore, io, socket
        from boto3.s3.transfer import TransferConfig
        from botocore.config import Config
        real = socket.getaddrinfo
        # Not every resolver knows that all of .localhost is this machine.
        socket.getaddrinfo = lambda host, *rest, **more: real("127.0.0.1" if host.endswith("localhost") else host, *rest, **more)
        KEY, SECRET = "\(FixtureCredentials.example.accessKey)", "\(FixtureCredentials.example.secretKey)"
        def client(style="path", key=KEY, secret=SECRET, region="us-east-1", **config):
            return boto3.client("s3", endpoint_url="http://localhost:\(port)", region_name=region, aws_access_key_id=key,
                aws_secret_access_key=secret, config=Config(s3={"addressing_style": style}, retries={"total_max_attempts": 1}, **config))
        for style in ("path", "virtual"):
            s3 = client(style)
            pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="models", Prefix="mnist/", Delimiter="/"))
            assert [p["Prefix"] for page in pages for p in page["CommonPrefixes"]] == ["mnist/1/", "mnist/2/"], pages
            pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="models", Prefix="mnist/"))
            assert [o["Key"] for page in pages for o in page["Contents"]] == ["mnist/1/a b+é.bin", "mnist/2/x"], pages
            head = s3.head_object(Bucket="models", Key="mnist/1/a b+é.bin", ChecksumMode="ENABLED")
            assert head["ETag"] == '"25f9e794323b453885f5181f1b624d0b"', head
            assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == ("rosUhgp5mIg=", "FULL_OBJECT"), head
            assert s3.get_object(Bucket="models", Key="mnist/1/a b+é.bin")["Body"].read() == b"123456789"
            part = s3.get_object(Bucket="models", Key="mnist/1/a b+é.bin", Range="bytes=2-3", IfMatch=head["ETag"])
            assert (part["Body"].read(), part["ContentRange"]) == (b"34", "bytes 2-3/9"), part
            for key in ("new/x y.txt", "../up", "a//b", "/abs", "dir/", "k=v@+&%20'(*)!~"):
                s3.put_object(Bucket="models", Key=key, Body=b"hello")
                assert s3.get_object(Bucket="models", Key=key)["Body"].read() == b"hello", key
                if key != "new/x y.txt":
                    s3.delete_object(Bucket="models", Key=key)
            s3.upload_fileobj(io.BytesIO(b"z" * 2000), "models", "parts", Config=TransferConfig(multipart_threshold=1000))
            assert s3.head_object(Bucket="models", Key="parts")["ETag"].endswith('-1"')
            s3.delete_object(Bucket="models", Key="parts")
        def code(client, bucket="models"):
            try:
                client.list_objects_v2(Bucket=bucket)
            except botocore.exceptions.ClientError as error:
                return error.response["Error"]["Code"]
        assert code(client(secret="wrong")) == "SignatureDoesNotMatch"
        assert code(client(key="NOBODY")) == "InvalidAccessKeyId"
        assert code(client(), bucket="none") == "NoSuchBucket"
        assert code(client(signature_version=botocore.UNSIGNED)) == "AccessDenied"
        # The region is taken from the refusal, and the request made again.
        assert code(client(region="eu-west-1")) is None
        """
    }
}
