// swift-tools-version: 6.2
import PackageDescription

// The rooms of the house, lowest first: a target imports only what stands above it here
// (docs/architecture.md draws the map).

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
    // A sidecar's memory is the server's: what is not called is left out.
    .unsafeFlags(["-Xfrontend", "-function-sections"], .when(configuration: .release)),
]

// Memory again: symbols that nobody looks up keep nothing alive, relocations take a byte instead of 24, and fewer
// segments make fewer pages that are mapped only because they lie beside one that is used (`make footprint`). Functions of the same
// code are one.
let small: [LinkerSetting] = [
    .unsafeFlags(
        ["-use-ld=lld"]
            + ["-O2", "--no-export-dynamic", "--icf=all", "--no-rosegment", "-z", "pack-relative-relocs"].flatMap {
                ["-Xlinker", $0]
            },
        .when(configuration: .release))
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func suite(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let package = Package(
    name: "aspired",
    products: [
        .executable(name: "aspired", targets: ["aspired"]),
        .executable(name: "s3-fixture", targets: ["s3-fixture"]),
        // What reads other people's bytes, for the fuzzers (Fuzz/).
        .library(name: "Parsers", targets: ["PlainJSON", "ModelsConfig", "Servables", "Transfer", "S3", "ModelSources"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // System libraries: a module map and the shims that Swift cannot do without.
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
        .systemLibrary(name: "CInotifyTools", providers: [.apt(["libinotifytools0-dev"])]),
        .target(name: "CLinux", cSettings: [.treatAllWarnings(as: .error)]),
        .target(name: "CChecksum", cSettings: [.treatAllWarnings(as: .error)]),

        // The domain: pure values, standard library only.
        room("Servables"),
        room("PlainJSON"),
        room("ModelsConfig", ["Servables"]),

        room("Digests", ["COpenSSL"]),
        room("FileIO", ["Servables", "CLinux", "CChecksum", "Digests", systemPackage]),
        room("Volume", ["Servables", "PlainJSON", "FileIO", systemPackage]),
        room("Transfer", ["CCurl", "CLinux", "Servables", "FileIO", systemPackage]),
        room("S3", ["Servables", "PlainJSON", "Transfer", "FileIO", "Digests", "CExpat", systemPackage]),
        room("ModelSources", ["Servables", "PlainJSON", "Digests", "FileIO", "S3", systemPackage]),
        room("Serving", ["Servables", "PlainJSON", "Transfer"]),
        room("ConfigWatch", ["FileIO", "CInotifyTools", systemPackage]),
        room(
            "Agent",
            ["Servables", "PlainJSON", "Digests", "FileIO", "ModelsConfig", "Volume", "Transfer", "ModelSources", systemPackage]),
        room("Monitoring", ["Servables", "PlainJSON", "FileIO", logging, nioCore, nioPosix, nioHTTP1]),
        room(
            "AspiredCLI",
            [
                "Servables", "PlainJSON", "ModelsConfig", "FileIO", "Volume", "Transfer", "S3", "ModelSources", "Serving",
                "ConfigWatch",
                "Agent", "Monitoring", argumentParser, logging, unixSignals, systemPackage,
            ]),
        .executableTarget(name: "aspired", dependencies: ["AspiredCLI"], swiftSettings: strict, linkerSettings: small),

        // An S3 endpoint over a folder, for tests, demo and benchmarks. Shares no code with the product.
        // Its digests are in Swift, and hopeless without the optimiser.
        .target(
            name: "S3Fixture", dependencies: [nioCore, nioPosix, nioHTTP1],
            swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .executableTarget(name: "s3-fixture", dependencies: ["S3Fixture", argumentParser], swiftSettings: strict),

        // TensorFlow Serving as far as folders of versions go, for tests. Shares no code with the product either: a bug cannot
        // agree with itself.
        .target(
            name: "ServingEmulator", dependencies: [nioCore, nioPosix, nioHTTP1], path: "Tests/ServingEmulator",
            swiftSettings: strict),

        suite("ServablesTests", ["Servables"]),
        suite("PlainJSONTests", ["PlainJSON"]),
        suite(
            "ModelsConfigTests", ["ModelsConfig", "FileIO", "Digests", "PlainJSON", "Servables", systemPackage],
            exclude: ["Oracle"]),
        suite("ChecksumTests", ["CChecksum"]),
        suite("DigestsTests", ["Digests"]),
        suite("FileIOTests", ["FileIO", "Servables", systemPackage]),
        suite("VolumeTests", ["Volume", "CLinux", "FileIO", "Servables", systemPackage]),
        suite("TransferTests", ["Transfer", "CLinux", "FileIO", "Servables", nioCore, nioPosix, systemPackage]),
        suite(
            "S3Tests",
            [
                "S3", "Transfer", "S3Fixture", "CLinux", "Digests", "FileIO", "PlainJSON", "Servables", nioCore, nioPosix,
                nioHTTP1, systemPackage,
            ],
            exclude: ["Oracle"]),
        suite(
            "ModelSourcesTests",
            ["ModelSources", "S3", "Transfer", "S3Fixture", "Digests", "FileIO", "Servables", systemPackage]),
        suite("ServingTests", ["Serving", "Servables", "Transfer"]),
        suite("ConfigWatchTests", ["ConfigWatch", "FileIO", systemPackage]),
        suite("AgentTests", ["Agent", "ModelsConfig", "Volume", "ModelSources", "FileIO", "Servables", systemPackage]),
        suite("MonitoringTests", ["Monitoring", "PlainJSON", "FileIO", "Servables", logging]),
        suite("AspiredCLITests", ["AspiredCLI", "Servables"]),
        suite("S3FixtureTests", ["S3Fixture", "CLinux", nioCore, nioPosix, nioHTTP1]),
        suite("ServingEmulatorTests", ["ServingEmulator", nioCore, nioPosix]),
        // The executables are dependencies so that they are built before they are run.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "S3Fixture", "ServingEmulator", "FileIO", "ModelsConfig", "Servables", "CLinux", "PlainJSON", "aspired",
                "s3-fixture",
                systemPackage,
            ],
            exclude: ["Support/upload.py", "Support/infer.py", "Support/webhook.py"], swiftSettings: strict),
    ],
    cLanguageStandard: .c11
)
