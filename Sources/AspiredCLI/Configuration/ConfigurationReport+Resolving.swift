import Agent
import FileIO
import Servables

extension ConfigurationReport {
    /// Reads every setting that `command` takes, and checks each and all together. Never stops at a fault.
    /// - Parameters:
    ///   - command: decides which settings are read; the others have their defaults.
    ///   - flags: the values of each flag on the command line, by the setting's name.
    ///   - inputs: the environment, and where relative paths start.
    ///   - isUnderstood: whether there was nothing on the command line that nobody knows.
    init(command: CommandName, flags: [String: [String]], inputs: CommandLineInputs, isUnderstood: Bool = true) {
        var reader = SettingReader(command: command, flags: flags, environment: inputs.environment)
        let unknownVariables = EnvironmentNames.faults(in: inputs.environment)
        for fault in unknownVariables { reader.report(fault) }

        let givenModels = ModelList(reading: &reader)
        let root = reader.value(.root) { text throws(ParseFault) in try SettingValue.path(text, in: inputs.workingDirectory) }
        reader.show(root, for: .root)
        let givenState = reader.optional(.stateDir) { text throws(ParseFault) in
            try SettingValue.path(text, in: inputs.workingDirectory)
        }
        let state = givenState ?? (root == "/" ? "/.aspired" : "\(root)/.aspired")
        reader.show(state, for: .stateDir)
        let listenIsExplicit = reader.origin(of: .httpListen) != .standard
        let listens = Setting.httpListen.commands.contains(command)
        let logFormat: LogFormatSetting =
            reader.optional(.logFormat, SettingValue.choice) ?? (inputs.isErrorTerminal ? .text : .json)
        reader.show(logFormat.rawValue, for: .logFormat)

        let modelsConfig = reader.optional(.modelsConfig) { text throws(ParseFault) in
            try SettingValue.modelsConfig(text, in: inputs.workingDirectory)
        }
        let modelFiles = reader.optional(.modelFiles) { text throws(ParseFault) in try NamePatterns(parsing: text) }
        let server = reader.optional(.server, SettingValue.server)
        let ready = reader.value(.ready, SettingValue.readiness)
        let settle = reader.value(.settle, SettingValue.duration)
        let models = givenModels.resolved(
            policy: reader.value(.versions) { text throws(ParseFault) in try VersionPolicy(parsing: text) },
            ready: ready, settle: settle)
        let configuration = Configuration(
            models: models,
            modelsConfig: modelsConfig,
            modelFiles: modelFiles ?? (server?.kind == .triton ? .all : .none),
            renderModelsConfig: reader.optional(.renderModelsConfig) { text throws(ParseFault) in
                try SettingValue.path(text, in: inputs.workingDirectory)
            },
            ready: ready,
            settle: settle,
            root: root,
            stateDirectory: state,
            pollInterval: reader.value(.pollInterval, SettingValue.pollInterval),
            timeout: reader.optional(.timeout, SettingValue.timeout),
            verify: reader.value(.verify, SettingValue.choice),
            recheckInterval: reader.value(.recheckInterval, SettingValue.pollInterval),
            reuse: reader.value(.reuse, SettingValue.choice),
            onChanged: reader.value(.onChanged, SettingValue.choice),
            pruneDelay: reader.value(.pruneDelay, SettingValue.duration),
            prunesForeign: reader.value(.pruneForeign, SettingValue.bool),
            prunesFirst: reader.value(.pruneFirst, SettingValue.bool),
            repairs: reader.value(.repair, SettingValue.bool),
            maxVolume: reader.optional(.maxVolume, SettingValue.maxVolume),
            keepFree: reader.value(.keepFree, SettingValue.keepFree),
            sync: reader.value(.sync, SettingValue.choice),
            fileMode: reader.value(.fileMode, SettingValue.fileMode),
            directoryMode: reader.value(.dirMode, SettingValue.directoryMode),
            s3: S3Settings(reading: &reader, workingDirectory: inputs.workingDirectory),
            concurrency: reader.value(.concurrency, SettingValue.concurrency),
            partSize: reader.value(.partSize, SettingValue.partSize),
            maxBandwidth: reader.optional(.maxBandwidth, SettingValue.maxBandwidth),
            republishPause: reader.value(.republishPause, SettingValue.duration),
            server: server,
            republishRefused: reader.value(.republishRefused, SettingValue.republishRefused),
            confirmTimeout: reader.value(.confirmTimeout, SettingValue.duration),
            hooks: HookSettings(reading: &reader, workingDirectory: inputs.workingDirectory),
            httpListen: reader.value(.httpListen) { text throws(ParseFault) in
                listens ? try SettingValue.listen(text, isExplicit: listenIsExplicit) : nil
            },
            logFormat: logFormat,
            logLevel: reader.value(.logLevel, SettingValue.logLevel))

        if command == .probe, configuration.httpListen?.port ?? 0 == 0 {
            reader.report(
                ConfigurationFault("probe has no address to ask: give --http-listen the address that `aspired run` listens on"))
        }
        if command.needsModels {
            // Where a name is unknown, the model may have been meant by it.
            let isNothingGiven = givenModels.isNothingGiven && reader.origin(of: .modelsConfig) == .standard
            if isNothingGiven, isUnderstood, unknownVariables.isEmpty { reader.report(.noModel(command)) }
            for fault in configuration.overlaps() { reader.report(fault) }
        }
        settings = reader.settings.sorted { left, right in
            (Setting.all.firstIndex(of: left.setting) ?? 0) < (Setting.all.firstIndex(of: right.setting) ?? 0)
        }
        self.models = models
        faults = reader.faults
        self.configuration = reader.faults.isEmpty ? configuration : nil
    }
}

extension ConfigurationFault {
    fileprivate static func noModel(_ command: CommandName) -> ConfigurationFault {
        let example = command == .config ? CommandName.run : command
        return ConfigurationFault(
            "no model is given, neither by --model nor by --models-config; for example: "
                + "aspired \(example.rawValue) --model mnist=s3://bucket/models/mnist --root /models")
    }
}

extension HookSettings {
    fileprivate init(reading reader: inout SettingReader, workingDirectory: String) {
        command = reader.optional(.onChangeExec) { text throws(ParseFault) in
            let words = try CommandWords.split(text)
            guard words.first?.isEmpty == false else { throw ParseFault("expected a program, and perhaps its arguments") }
            return words
        }
        webhook = reader.optional(.onChangeWebhook, mayBeSecret: true, SettingValue.webhook)
        // A token in the path of a URL opens it to everybody.
        if let webhook { reader.show(HookPlan.place(ofWebhook: webhook), for: .onChangeWebhook) }
        timeout = reader.value(.hookTimeout, SettingValue.hookTimeout)
        secretFile = reader.optional(.webhookSecretFile) { text throws(ParseFault) in
            try SettingValue.path(text, in: workingDirectory)
        }
        if secretFile != nil, webhook == nil, reader.origin(of: .onChangeWebhook) == .standard {
            reader.report(
                ConfigurationFault("--webhook-secret-file is given without --on-change-webhook: nothing would be signed"))
        }
    }
}

extension S3Settings {
    fileprivate init(reading reader: inout SettingReader, workingDirectory: String) {
        endpoint = reader.optional(.s3Endpoint, SettingValue.endpoint)
        region = reader.optional(.s3Region, SettingValue.region)
        addressing = reader.optional(.s3Addressing, SettingValue.choice)
        profile = reader.optional(.s3Profile, SettingValue.profile)
        isAnonymous = reader.optional(.s3Anonymous, SettingValue.bool)
        requestPayer = reader.optional(.s3RequestPayer, SettingValue.bool)
        caFile = reader.optional(.s3CAFile) { text throws(ParseFault) in try SettingValue.path(text, in: workingDirectory) }
        skipsTLSVerification = reader.optional(.s3InsecureSkipTLSVerify, SettingValue.bool)
    }
}
