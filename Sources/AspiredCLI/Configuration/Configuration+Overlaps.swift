import Servables

extension Configuration {
    /// Directories that would destroy each other: judged by their names alone; mounts and links are the volume's to check.
    func overlaps() -> [ConfigurationFault] {
        var faults: [ConfigurationFault] = []
        let (shownRoot, shownState) = (Redaction.quoted(root), Redaction.quoted(stateDirectory))
        if stateDirectory == root {
            faults.append(
                ConfigurationFault("--state-dir is \(shownState), the same as --root: expected a directory of its own"))
        } else if SettingValue.isInside(root, of: stateDirectory) {
            faults.append(
                ConfigurationFault(
                    "--root is \(shownRoot), inside --state-dir \(shownState): expected it outside, since that one is cleaned"))
        }
        faults += renderingOverlaps() + tritonFaults()
        for model in models {
            let base = basePath(of: model)
            if SettingValue.isInside(stateDirectory, of: base) {
                faults.append(
                    ConfigurationFault(
                        "--state-dir is \(shownState), in the base path of model \(model.name): expected it elsewhere, "
                            + "since a base path holds versions only"))
            }
            guard case .directory(let source) = model.source else { continue }
            if SettingValue.isInside(source, of: base) || SettingValue.isInside(base, of: source) {
                faults.append(
                    ConfigurationFault(
                        "--model \(model.name) has its source \(Redaction.quoted(source)) and its base path "
                            + "\(Redaction.quoted(base)) one in the other: expected them apart"))
            }
            if SettingValue.isInside(source, of: stateDirectory) {
                faults.append(
                    ConfigurationFault(
                        "--model \(model.name) has its source \(Redaction.quoted(source)) inside --state-dir \(shownState): "
                            + "expected it elsewhere, since that one is cleaned"))
            }
        }
        return faults
    }

    /// What Triton would take for a model, or for a change of one.
    private func tritonFaults() -> [ConfigurationFault] {
        guard server?.kind == .triton else { return [] }
        var faults: [String] = []
        if SettingValue.isInside(stateDirectory, of: root) {
            faults.append(
                "--state-dir is \(Redaction.quoted(stateDirectory)), inside --root \(Redaction.quoted(root)): Triton takes every "
                    + "directory there for a model; expected it beside, such as --root /models/repository --state-dir /models/.aspired"
            )
        }
        if reuse == .hardlink {
            faults.append(
                "--reuse is hardlink, with --server triton: a link changes the time of a file, and Triton would load what it has anew; "
                    + "expected auto, reflink, copy or off")
        }
        if renderModelsConfig != nil {
            faults.append("--render-models-config is for TensorFlow Serving: expected it without --server triton")
        }
        return faults.map { ConfigurationFault($0, isOfServer: true) }
    }

    private func basePath(of model: DesiredModel) -> String {
        root == "/" ? "/\(model.name)" : "\(root)/\(model.name)"
    }

    /// What the list that is written for the server would destroy, or be taken for.
    private func renderingOverlaps() -> [ConfigurationFault] {
        guard let file = renderModelsConfig else { return [] }
        let shown = "--render-models-config is \(Redaction.quoted(file))"
        if modelsConfig == .directory(path: file) {
            return [ConfigurationFault("\(shown), the same as --models-config: expected a file of its own")]
        }
        if SettingValue.isInside(file, of: stateDirectory) {
            return [ConfigurationFault("\(shown), inside --state-dir: expected it elsewhere, where the server can read it")]
        }
        for model in models {
            guard SettingValue.isInside(file, of: basePath(of: model)) else { continue }
            return [
                ConfigurationFault(
                    "\(shown), in the base path of model \(model.name): expected it elsewhere, since a base path holds versions only"
                )
            ]
        }
        return []
    }
}
