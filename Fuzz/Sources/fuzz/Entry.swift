import Glibc

/// What libFuzzer calls with each input. One executable has all fuzzers; the variable `FUZZER` chooses.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    chosen(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}

typealias Fuzzer = @Sendable (UnsafeRawBufferPointer) -> Void

private let fuzzers: [String: Fuzzer] = [
    "credentials": fuzzCredentials,
    "error-body": fuzzErrorBody,
    "http-head": fuzzHTTPHead,
    "json": fuzzJSON,
    "keys": fuzzKeys,
    "listing": fuzzListing,
    "manifest": fuzzManifest,
    "models-config": fuzzModelsConfig,
    "profile": fuzzProfile,
    "role-answer": fuzzRoleAnswer,
    "saved-model": fuzzSavedModel,
]

private let chosen: Fuzzer = {
    let name = getenv("FUZZER").map { String(cString: $0) } ?? ""
    guard let fuzzer = fuzzers[name] else {
        var message = "set FUZZER to one of: \(fuzzers.keys.sorted().joined(separator: " "))\n"
        _ = message.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        exit(64)
    }
    return fuzzer
}()

/// Ends the process, for libFuzzer to keep the input, where something that must hold does not.
func check(_ condition: Bool, _ message: @autoclosure () -> String) {
    precondition(condition, message())
}
