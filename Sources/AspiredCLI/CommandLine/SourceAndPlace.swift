/// `SOURCE DIRECTORY …` as `once` and `plan` take it, in the order of KServe's storage initializer: the same as `--root DIRECTORY` and, for
/// each source, a `--model` that has its name from the last component of the source.
enum SourceAndPlace {
    /// Adds what the arguments say to what the flags say.
    /// - Parameters:
    ///   - arguments: those that belong to no flag.
    ///   - flags: the values of each flag, by the setting's name.
    /// - Returns: what is wrong with them.
    static func add(_ arguments: [String], to flags: inout [String: [String]]) -> [ConfigurationFault] {
        var faults: [ConfigurationFault] = []
        var places: Set<String> = []
        var rest = arguments[...]
        while let source = rest.popFirst() {
            guard source.contains("://") else {
                faults.append(
                    ConfigurationFault(
                        "unexpected argument \(Redaction.quoted(source)): expected --model NAME=URI, or SOURCE DIRECTORY"))
                return faults
            }
            guard let place = rest.popFirst(), !place.contains("://") else {
                faults.append(
                    ConfigurationFault(
                        "\(Redaction.quoted(source)) has no directory behind it: expected SOURCE DIRECTORY, or --model NAME=URI"))
                return faults
            }
            places.insert(place)
            let path = source.prefix { $0 != "?" }.split(separator: "/").dropFirst(2)
            guard let name = path.last else {
                faults.append(
                    ConfigurationFault(
                        "\(Redaction.quoted(source)) has no last component to name the model by: give --model NAME=URI"))
                continue
            }
            flags[Setting.model.name, default: []].append("\(name)=\(source)")
        }
        if places.count > 1 {
            faults.append(
                ConfigurationFault(
                    "\(places.sorted().map { Redaction.quoted($0) }.joined(separator: " and ")): expected one directory for all"))
        }
        guard let place = places.first else { return faults }
        if flags[Setting.root.name]?.isEmpty == false {
            faults.append(
                ConfigurationFault("the directory is given by --root and by \(Redaction.quoted(place)): expected one of them"))
        }
        flags[Setting.root.name] = [place]
        return faults
    }
}
