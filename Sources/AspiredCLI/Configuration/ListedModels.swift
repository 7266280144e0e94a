import ModelsConfig
import Servables

/// The models that a list in the text format of TensorFlow Serving's `ModelServerConfig` names (`--models-config`).
struct ListedModels: Sendable {
    let config: ModelServerConfig
    /// Those that are synced, in the order of the text; all others are the server's alone.
    let synced: [DesiredModel]

    /// As `init(_:beside:)`, for a list that is somewhere: what is wrong with it is told with its place.
    init(_ text: [UInt8], of place: String, beside configuration: Configuration) throws(Failure) {
        do throws(ConfigFault) { self = try ListedModels(text, beside: configuration) } catch {
            throw Failure(.configuration, "read the list of models \(place): \(error)")
        }
    }

    /// Reads a list.
    /// - Parameters:
    ///   - text: all of it.
    ///   - configuration: what the models have that say nothing of their own, and which models there are already.
    /// - Throws: the first fault; an empty list is one, since it would take every model away.
    init(_ text: [UInt8], beside configuration: Configuration) throws(ConfigFault) {
        config = try ModelServerConfig(parsing: text)
        guard !config.models.isEmpty else {
            throw config.fault(at: 0..<0, "it names no model, and everything would be taken away; name one")
        }
        let taken = Set(configuration.models.map(\.name))
        var synced: [DesiredModel] = []
        for served in config.models {
            guard let model = try Self.model(served, of: config, configuration) else { continue }
            if taken.contains(model.name) {
                throw config.fault(at: served.span, "\(model.name) is given by --model, too; expected a name of its own")
            }
            synced.append(model)
        }
        self.synced = synced
    }

    /// - Returns: `nil` for a model that is passed through.
    private static func model(
        _ served: ServedModel, of config: ModelServerConfig, _ configuration: Configuration
    ) throws(ConfigFault) -> DesiredModel? {
        guard ["s3://", "file://"].contains(where: served.basePath.hasPrefix) else { return nil }
        if let problem = ModelArgument.nameProblem(served.name) { throw config.fault(at: served.span, problem) }
        var problems: [String] = []
        guard let (source, query) = ModelArgument.parseURI(served.basePath[...], problems: &problems) else {
            throw config.fault(at: served.basePathSpan, "base_path of \(served.name): \(problems.joined(separator: "; "))")
        }
        if served.policy != nil, query.policy != nil {
            throw config.fault(at: served.basePathSpan, "\(served.name) has both ?versions= and a model_version_policy: give one")
        }
        let model = DesiredModel(
            name: served.name, source: source, policy: served.policy ?? query.policy ?? .latest(1),
            ready: query.ready ?? configuration.ready, settle: configuration.settle, isRequired: query.isRequired,
            serverName: query.serverName)
        var alone = configuration
        alone.models = [model]
        if let overlap = alone.overlaps().first { throw config.fault(at: served.basePathSpan, overlap.description) }
        return model
    }
}
