import Servables

/// The models that flags or variable give, as far as they can be read.
struct ModelList: Sendable {
    private var models: [ModelArgument] = []
    /// Whether there was not even a wrong one.
    let isNothingGiven: Bool

    /// Reads every value of `--model`; what is wrong is reported to `reader`.
    init(reading reader: inout SettingReader) {
        let (texts, origin) = reader.texts(of: .model)
        isNothingGiven = texts.isEmpty
        var firstOf: [String: String] = [:]
        for text in texts {
            var problems: [String] = []
            let model = ModelArgument.parse(text, problems: &problems)
            for problem in problems { reader.report(ConfigurationFault(origin, value: text, problem)) }
            guard let model else { continue }
            if let first = firstOf[model.name] {
                reader.report(
                    ConfigurationFault(
                        origin, value: text,
                        "the name \(model.name) is already that of \(Redaction.quoted(first)); expected a name of its own"
                    ))
            } else {
                firstOf[model.name] = text
                models.append(model)
            }
        }
    }

    /// The models with the global settings filled in where they say nothing.
    func resolved(policy: VersionPolicy, ready: ReadinessRule, settle: Duration) -> [DesiredModel] {
        models.map { model in
            DesiredModel(
                name: model.name, source: model.source, policy: model.policy ?? policy, ready: model.ready ?? ready,
                settle: settle, isRequired: model.isRequired, serverName: model.serverName)
        }
    }
}
