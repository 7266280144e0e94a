// swift-tools-version: 6.2
import PackageDescription

// What a single operation costs. Built with `-c release -Xswiftc -enable-testing`; of the agent's package only the rooms that are
// measured are built, with the flags of a release.
let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "aspired", path: "..")],
    targets: [
        .executableTarget(
            name: "micro",
            dependencies: [.product(name: "Parsers", package: "aspired")],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)])
    ]
)
