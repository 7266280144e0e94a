// swift-tools-version: 6.2
import PackageDescription

// Fuzzers over what strangers send us, with libFuzzer. Built with `--sanitize=fuzzer`, which brings `main` along; of the
// agent's package only the rooms that parse are built, and what they need.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "aspired", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz",
            dependencies: [.product(name: "Parsers", package: "aspired")],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .unsafeFlags(["-parse-as-library"]),
                .treatAllWarnings(as: .error),
            ])
    ]
)
