@testable import ModelsConfig
@testable import PlainJSON
@testable import S3
@testable import Servables

/// A profile file, by itself and as both files of a profile. Its faults never quote it, since it may hold secrets.
@Sendable func fuzzProfile(_ input: UnsafeRawBufferPointer) {
    guard let text = String(validating: input, as: UTF8.self) else { return }
    do throws(Failure) {
        let profile = try Profile(environment: ["HOME": "/h"], chosen: nil) { _ throws(Failure) in text }
        check("\(profile)" == "Profile(default)", "a profile tells what it holds")
        for file in [Profile.File.credentials, .configuration] {
            guard let keys = try profile.keys(in: file) else { continue }
            check(!keys.accessKeyID.isEmpty && !keys.secretAccessKey.isEmpty, "a half of a key pair is empty")
        }
    } catch {
        check(!error.message.contains { $0.isNewline }, "a fault has more than one line")
        check(error.message.utf8.count < 400, "a fault quotes its file")
    }
}

/// JSON: what is read can be written, and read again as the same.
@Sendable func fuzzJSON(_ input: UnsafeRawBufferPointer) {
    guard let value = try? JSON(parsing: input) else { return }
    for isIndented in [false, true] {
        let text = value.text(indented: isIndented)
        guard let again = try? JSON(parsing: text) else { return check(false, "what was written cannot be read") }
        check(again == value, "what was written reads otherwise")
    }
}

/// A list of models: spans lie in the text, what a span holds reads as what was read, and a fault is on a line that there is.
@Sendable func fuzzModelsConfig(_ input: UnsafeRawBufferPointer) {
    let text = Array(input)
    do throws(ConfigFault) {
        for model in try ModelServerConfig(parsing: text).models {
            check(
                text.indices.contains(model.basePathSpan.lowerBound) && model.basePathSpan.upperBound <= text.count,
                "a span lies outside")
            check(model.span.contains(model.basePathSpan.lowerBound), "a value lies outside of its model")
            let again = Array("base_path: ".utf8) + text[model.basePathSpan]
            let message = try? TextParser.parse(again)
            check((try? message?.string("base_path")?.value) == model.basePath, "a span holds something else")
        }
    } catch {
        check(error.line >= 1 && error.line <= 1 + text.count { $0 == 0x0A } && error.column >= 1, "a fault is nowhere")
    }
}
