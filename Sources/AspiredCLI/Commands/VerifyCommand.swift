import Agent
import FileIO
import Logging
import PlainJSON
import Servables
import SystemPackage
import Volume

/// `aspired verify`: whether what is published is what was published, from the volume alone; works beside a running agent.
enum VerifyCommand {
    static func run(_ context: CommandContext) async throws -> ExitCode {
        let configuration = context.configuration
        let layout = VolumeLayout(root: FilePath(configuration.root), state: FilePath(configuration.stateDirectory))
        let worker = WorkerThread(name: "aspired-verify")
        let volume = Volume(layout: layout, reader: worker)
        let report = try await report(configuration.root, volume, worker)
        switch context.format {
        case .text: try context.output.result(report.text)
        case .json: try context.output.result(report.json.text(indented: true) + "\n")
        }
        guard let failure = report.failure else { return .done }
        guard configuration.repairs else { throw failure }
        let outputs = EventOutputs(context)
        // Not before: what only reads is ended by a signal's default action, however long it reads.
        return try await StopSignals().cancelling(outputs.telemetry, code: .busy) {
            try await repair(report, context, outputs, volume, worker)
        }
    }

    private static func report(_ root: String, _ volume: Volume, _ worker: WorkerThread) async throws -> VerifyReport {
        var report = VerifyReport(root: root)
        do throws(VolumeError) {
            for model in try await worker.run({ () throws(VolumeError) in try volume.modelNames() }) {
                report.models.append((model, try await worker.run { () throws(VolumeError) in try checks(model, volume) }))
            }
        } catch {
            throw error.failure
        }
        return report
    }

    /// Has what is damaged fetched anew: by whoever holds the volume, else here.
    private static func repair(
        _ report: VerifyReport, _ context: CommandContext, _ outputs: EventOutputs, _ volume: Volume, _ worker: WorkerThread
    ) async throws -> ExitCode {
        let configuration = context.configuration
        let damaged = report.damaged
        let holder: String?
        do throws(VolumeError) {
            holder = try await worker.run { () throws(VolumeError) in
                for (model, check) in damaged { try volume.requestRepair(model, check.version) }
                return try volume.activeHolder()
            }
        } catch {
            throw error.failure
        }
        if let holder {
            throw report.failure(remedy: "\(holder), which holds the volume, was asked to fetch each such version anew")
        }
        let assembly = try Assembly(
            configuration, environment: context.inputs.environment, telemetry: outputs.telemetry, onlyRepairs: true)
        var models: [DesiredModel] = []
        for (name, check) in damaged where !models.contains(where: { $0.name == name }) {
            models.append(try model(name, from: check.source, configuration))
        }
        let failures = await assembly.agent(try assembly.set(models)).once(timeout: nil)
        await assembly.shutdown()
        for failure in failures { outputs.logger.error("\(failure.message)") }
        if let failure = ExitCode.mostSevere(of: failures) { return ExitCode(failure.kind) }
        let after = try await self.report(configuration.root, volume, worker)
        if let failure = after.failure { throw failure }
        return .done
    }

    /// As it was configured; else as the volume knows it.
    private static func model(
        _ name: String, from source: String, _ configuration: Configuration
    ) throws(Failure) -> DesiredModel {
        if let configured = configuration.models.first(where: { $0.name == name }) { return configured }
        var problems: [String] = []
        guard let place = ModelArgument.parseURI(source[...], problems: &problems) else {
            throw Failure(
                .configuration, "repair \(name): the volume has noted \(source) as its source: name it with --model \(name)=URI")
        }
        return DesiredModel(
            name: name, source: place.source, policy: .all, ready: configuration.ready, settle: configuration.settle,
            isRequired: true)
    }

    /// Parked versions may come back as they are.
    private static func checks(_ model: String, _ volume: Volume) throws(VolumeError) -> [VersionCheck] {
        let inventory = try volume.inventory(model)
        var checks: [VersionCheck] = []
        for entry in (inventory.published + inventory.parked).sorted(by: { $0.version > $1.version }) {
            if let check = try volume.verify(model, entry.version) { checks.append(check) }
        }
        return checks
    }
}

/// What `aspired verify` has found, as text for people and JSON for programs.
struct VerifyReport {
    let root: String
    var models: [(name: String, checks: [VersionCheck])] = []

    var damaged: [(model: String, check: VersionCheck)] {
        models.flatMap { model in model.checks.filter { !$0.damage.isEmpty }.map { (model.name, $0) } }
    }

    /// The first of what is damaged, how much there is of it, and what helps.
    var failure: Failure? {
        damaged.isEmpty ? nil : failure(remedy: "verify --repair fetches each such version anew")
    }

    /// As `failure`; where something is damaged.
    func failure(remedy: String) -> Failure {
        guard let (model, check) = damaged.first, let first = check.damage.first else {
            preconditionFailure("there is no failure without damage")
        }
        let files = damaged.reduce(0) { $0 + $1.check.damage.count }
        return Failure(
            .badData,
            "verify \(root): \(files) \(files == 1 ? "file" : "files") in \(damaged.count) \(damaged.count == 1 ? "version" : "versions") "
                + "not as published, first \(model) \(check.version) \(first.path): \(first.reason); \(remedy)")
    }

    var text: String {
        var text = ""
        for (model, checks) in models {
            for check in checks {
                let outcome = check.damage.isEmpty ? "as published" : "\(check.damage.count) damaged"
                let files = "\(check.files) \(check.files == 1 ? "file" : "files")"
                text += "\(model) \(check.version)  \(files), \(ByteCount(check.bytes)): \(outcome)\n"
                for damage in check.damage { text += "  \(PathRules.printable(damage.path)): \(damage.reason)\n" }
                for path in check.additions { text += "  \(PathRules.printable(path)): not part of the version, and no damage\n" }
            }
        }
        return text.isEmpty ? "nothing is published\n" : text
    }

    /// - `root`, `models`: `name`, `versions`, highest first: `version`, `directory`, `files`, `bytes`, `damaged` (`path`, `reason`),
    ///   `additions`
    var json: JSON {
        [
            "root": .string(root),
            "models": .array(
                models.map { model in
                    ["name": .string(model.name), "versions": .array(model.checks.map(json))]
                }),
        ]
    }

    private func json(_ check: VersionCheck) -> JSON {
        [
            "version": .integer(check.version.number),
            "directory": .string(check.version.name),
            "files": .integer(Int64(check.files)),
            "bytes": .integer(check.bytes),
            "damaged": .array(check.damage.map { ["path": .string($0.path), "reason": .string($0.reason)] }),
            "additions": .array(check.additions.map(JSON.string)),
        ]
    }
}
