import FileIO
import ModelsConfig
import Servables
import ServingEmulator
import SystemPackage

/// Has a model server read its list of models from a file again and again, as with `--model_config_file_poll_wait_seconds`, and starts
/// it anew where it has ended, as kubelet does.
final class ListReading: Sendable {
    private struct State {
        var taken: [UInt8]?
        var texts: [String] = []
        var refusals: [String] = []
    }

    private let path: String
    private let server: TensorFlowServingEmulator
    private let state = Lock(State())

    init(_ path: String, server: TensorFlowServingEmulator) {
        self.path = path
        self.server = server
    }

    /// Every text that the server has taken, in order.
    var texts: [String] { state.withLock { $0.texts } }
    /// Why it did not take one, or would have waited for ever with one.
    var refusals: [String] { state.withLock { $0.refusals } }

    /// What the server's list says of a model: policy, then labels; `nil`: it does not have it.
    func entry(_ model: String) -> String? {
        guard let text = state.withLock({ $0.taken }), let config = try? ModelServerConfig(parsing: text) else { return nil }
        return config.models.first { $0.name == model }.map { model in
            let labels = model.labels.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
            return "\(model.policy?.description ?? "none")\(labels.joined())"
        }
    }

    /// Reads every 10 ms until `body` has ended.
    func reading(isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void) async throws {
        let reader = Task.detached { [self] in
            while !Task.isCancelled {
                await read()
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
        do {
            try await body()
        } catch {
            reader.cancel()
            await reader.value
            throw error
        }
        reader.cancel()
        await reader.value
    }

    private func read() async {
        guard let text = try? FileSystem().readFile(FilePath(path), limit: 1 << 20) else { return }
        let models: [EmulatedModel]
        do throws(ConfigFault) { models = try ModelServerConfig(parsing: text).models.map(EmulatedModel.init(_:)) } catch {
            return refuse("\(error)")
        }
        if case .exited = server.phase {
            // A process that is not alive takes any list; the next one looks at it.
            _ = try? server.updateConfig(models: models)
            await server.restart()
            if case .exited(let why) = server.phase { refuse(why) }
            return
        }
        let known = Set(server.models.map(\.name))
        do throws(ServingStatus) { try server.updateConfig(models: models) } catch { return refuse("\(error)") }
        state.withLock { state in
            guard state.taken != text else { return }
            state.taken = text
            state.texts.append(String(decoding: text, as: UTF8.self))
        }
        // The reload ends when each model that is new has a version that serves, or that could not be loaded.
        for model in models where !known.contains(model.name) {
            if (try? names(in: model.basePath))?.contains(where: { Int64($0) != nil }) != true {
                refuse("\(model.name) has no version: the reload would wait for ever")
            }
            _ = await server.wait(timeout: .seconds(30)) { server in
                server.states(of: model.name).values.contains { $0 == .available || $0 == .end }
            }
        }
    }

    private func refuse(_ why: String) {
        state.withLock { if $0.refusals.last != why { $0.refusals.append(why) } }
    }
}

extension EmulatedModel {
    fileprivate init(_ model: ServedModel) {
        let policy: EmulatedPolicy =
            switch model.policy {
            case nil: .latest(1)
            case .latest(let count): .latest(count)
            case .all: .all
            case .specific(let numbers): .specific(numbers)
            }
        self.init(name: model.name, basePath: model.basePath, policy: policy, labels: model.labels)
    }
}
