import PlainJSON
import Servables

extension ConfigurationReport {
    /// The report for programs, as indented JSON; later versions only add members.
    ///
    /// `settings` holds one object a setting with `name`, `flag`, `variable`, `value` (a string, `null` where there is none, an
    /// array for a repeatable flag) and `origin`; rows of other rooms have `name`, `value` and `origin` only.
    func json(extra: [ConfigurationRow]) -> String {
        let rows =
            settings.map(Self.row)
            + extra.map { row -> JSON in
                [
                    "name": .string(row.name), "value": Self.text(row.value.map(Redaction.masked)), "origin": .string(row.origin),
                ]
            }
        let report: JSON = [
            "settings": .array(rows),
            "models": .array(models.map(Self.model)),
            "faults": .array(faults.map { .string($0.description) }),
        ]
        return report.text(indented: true) + "\n"
    }

    private static func row(_ effective: EffectiveSetting) -> JSON {
        let setting = effective.setting
        let value: JSON = setting.isRepeatable ? .array(effective.values.map(JSON.string)) : text(effective.values.last)
        return [
            "name": .string(setting.name), "flag": .string(setting.flag), "variable": .string(setting.variable), "value": value,
            "origin": .string(effective.origin.description),
        ]
    }

    private static func model(_ model: DesiredModel) -> JSON {
        var members: [JSON.Member] = [
            JSON.Member("name", .string(model.name)),
            JSON.Member("source", .string(Redaction.masked(model.source.description))),
            JSON.Member("versions", .string(model.policy.description)),
            JSON.Member("ready", .string(model.ready.description)),
            JSON.Member("required", .bool(model.isRequired)),
        ]
        if case .s3(_, _, let endpoint, let region) = model.source {
            members += [JSON.Member("endpoint", text(endpoint)), JSON.Member("region", text(region))]
        }
        return .object(members)
    }

    private static func text(_ text: String?) -> JSON { text.map(JSON.string) ?? .null }
}
