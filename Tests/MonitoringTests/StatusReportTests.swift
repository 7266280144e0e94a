import PlainJSON
import Servables
import Testing

@testable import Monitoring

@Suite("Status")
struct StatusReportTests {
    private static let status = AgentStatus(
        program: "0.1.0", root: "/models", role: .active, holder: "pid 7 on node-1", freeBytes: 5_000_000_000, isReady: false,
        models: [
            ModelStatus(
                name: "mnist", source: "s3://bucket/mnist", policy: .latest(2), isRequired: true,
                versions: [
                    VersionStatus(
                        version: Version("009") ?? Version(number: 9), state: .fetching, files: 3, bytes: 3 << 30,
                        stagedBytes: 1 << 30),
                    VersionStatus(
                        version: Version(number: 8), state: .published, files: 12, bytes: 1_234_567,
                        publishedAt: Timestamp(secondsSinceEpoch: 1_795_341_781, nanoseconds: 250_000_000),
                        verified: [.crc64nvme: 12], isSynced: false),
                    VersionStatus(
                        version: Version(number: 7), state: .foreign, reason: "no manifest\nof ours",
                        verified: [.size: 1, .sha256: 2]),
                ],
                isReady: false, notReadyReason: "version 9 is being fetched",
                lastSuccess: Timestamp(secondsSinceEpoch: 1_795_341_781),
                lastFailure: Failure(.denied, "GET s3://bucket/mnist: 403"), behind: .seconds(12.5), unconfirmed: 2),
            ModelStatus(name: "a-model-without"),
        ])

    @Test("JSON has every documented key, null where nothing is known")
    func json() throws {
        let text = StatusReport.json(Self.status)
        #expect(text.hasSuffix("}\n"))
        let expected: JSON = [
            "program": "0.1.0", "root": "/models", "role": "active", "holder": "pid 7 on node-1", "free_bytes": 5_000_000_000,
            "ready": false,
            "models": [
                [
                    "name": "mnist", "source": "s3://bucket/mnist", "policy": "latest:2", "required": true, "ready": false,
                    "not_ready_reason": "version 9 is being fetched", "last_success": "2026-11-22T10:03:01.000Z",
                    "last_failure": ["kind": "denied", "message": "GET s3://bucket/mnist: 403"], "behind_seconds": 12.5,
                    "unconfirmed": 2,
                    "versions": [
                        [
                            "version": 9, "directory": "009", "state": "fetching", "reason": nil, "files": 3,
                            "bytes": 3_221_225_472,
                            "staged_bytes": 1_073_741_824, "published_at": nil, "verified": [:], "synced": nil,
                        ],
                        [
                            "version": 8, "directory": "8", "state": "published", "reason": nil, "files": 12, "bytes": 1_234_567,
                            "staged_bytes": nil, "published_at": "2026-11-22T10:03:01.250Z", "verified": ["crc64nvme": 12],
                            "synced": false,
                        ],
                        [
                            "version": 7, "directory": "7", "state": "foreign", "reason": "no manifest\nof ours", "files": nil,
                            "bytes": nil, "staged_bytes": nil, "published_at": nil, "verified": ["sha256": 2, "size": 1],
                            "synced": nil,
                        ],
                    ],
                ],
                [
                    "name": "a-model-without", "source": nil, "policy": nil, "required": true, "ready": nil,
                    "not_ready_reason": nil,
                    "last_success": nil, "last_failure": nil, "behind_seconds": nil, "unconfirmed": nil, "versions": [],
                ],
            ],
        ]
        #expect(try JSON(parsing: text) == expected)
    }

    @Test("a stand-by names its holder")
    func standby() throws {
        let status = AgentStatus(program: "0.1.0", root: "/models", role: .standby(holder: "pid 9 on node-2"))
        let value = try JSON(parsing: StatusReport.json(status))
        #expect(value["role"] == "standby")
        #expect(value["holder"] == "pid 9 on node-2")
        #expect(value["models"] == [])
    }

    @Test("the table is aligned, one version a row, nothing behind the last word")
    func table() {
        #expect(
            StatusReport.table(Self.status) == """
                MODEL            VERSION  STATE      FILES                SIZE  VERIFIED         PUBLISHED                 REASON
                mnist                009  fetching       3  1.0 GiB of 3.0 GiB  -                -
                mnist                  8  published     12             1.2 MiB  crc64nvme        2026-11-22T10:03:01.250Z  not synced yet
                mnist                  7  foreign        -                   -  sha256:2,size:1  -                         no manifest\\nof ours
                a-model-without        -  -              -                   -  -                -                         no version

                """)
    }

    @Test("an empty volume says so")
    func empty() {
        let status = AgentStatus(program: "0.1.0", root: "/models", role: .observer)
        #expect(StatusReport.table(status) == "the volume /models holds no model\n")
    }
}
