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
        for model in models {
            let base = root == "/" ? "/\(model.name)" : "\(root)/\(model.name)"
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
}
