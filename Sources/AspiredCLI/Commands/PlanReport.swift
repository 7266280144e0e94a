import Agent
import PlainJSON
import Servables

/// A plan as text for people and JSON for programs.
struct PlanReport {
    private let models: [PlannedModel]

    init(_ models: [PlannedModel]) { self.models = models }

    // MARK: - Text

    var text: String {
        models.map(text(of:)).joined(separator: "\n") + totals
    }

    private func text(of planned: PlannedModel) -> String {
        let plan = planned.plan
        var rows: [(action: String, version: Version, detail: String)] = []
        for version in plan.fetch { rows.append(("fetch", version, size(planned.fetches[version]))) }
        for version in plan.examine {
            rows.append(("examine", version, "there without a manifest: adopted if it equals the source, else replaced"))
        }
        for version in plan.fetch { rows.append(("publish", version, "")) }
        for version in plan.unpark { rows.append(("publish", version, "parked on the volume")) }
        for version in plan.prune { rows.append(("prune", version, size(planned.published[version]))) }
        for (version, reason) in plan.held.sorted(by: { $0.key > $1.key }) { rows.append(("hold", version, reason)) }
        for version in plan.refused { rows.append(("refused", version, "the server could not load it, see status")) }
        for version in plan.absent { rows.append(("absent", version, "named by --versions and not in the source")) }
        for (version, reason) in plan.foreign.sorted(by: { $0.key > $1.key }) { rows.append(("foreign", version, reason)) }
        let inPlace = plan.aspired.filter { planned.published[$0] != nil && !plan.unpark.contains($0) }
        for version in inPlace { rows.append(("in place", version, size(planned.published[version]))) }
        for version in plan.keep.keys.sorted(by: >) { rows.append(("keep", version, size(planned.published[version]))) }
        var text = "\(planned.model.name)  \(planned.model.source)  \(planned.model.policy)\n"
        if let failure = planned.failure { text += "  unknown: \(failure.message)\n" }
        let width = rows.map(\.version.name.count).max() ?? 0
        for row in rows {
            let version = row.version.name + String(repeating: " ", count: width - row.version.name.count)
            let action = row.action + String(repeating: " ", count: max(0, 8 - row.action.count))
            text += "  \(action)  \(version)  \(row.detail)".trimmedEnd + "\n"
        }
        return text
    }

    private var totals: String {
        let fetches = models.flatMap { planned in planned.plan.fetch.compactMap { planned.fetches[$0]?.missingBytes } }
        let prunes = models.flatMap { planned in planned.plan.prune.compactMap { planned.published[$0]?.bytes } }
        if fetches.isEmpty, prunes.isEmpty { return "\nnothing to do\n" }
        return "\nto fetch \(ByteCount(sum(fetches))), to prune \(ByteCount(sum(prunes)))\n"
    }

    /// What no disk holds is cut off.
    private func sum(_ sizes: [Int64]) -> Int64 {
        sizes.reduce(0) { sum, size in
            let (total, isTooLarge) = sum.addingReportingOverflow(size)
            return isTooLarge ? .max : total
        }
    }

    private func size(_ fetch: PlannedModel.FetchSize?) -> String {
        guard let fetch else { return "" }
        let missing = size(fetch.missingFiles, fetch.missingBytes)
        if fetch.reusedFiles == 0 { return missing }
        return "\(missing), and \(size(fetch.reusedFiles, fetch.reusedBytes)) that published versions have"
    }

    private func size(_ files: Int, _ bytes: Int64) -> String { "\(files) \(files == 1 ? "file" : "files"), \(ByteCount(bytes))" }

    private func size(_ summary: ManifestSummary?) -> String {
        guard let summary else { return "" }
        return size(summary.files, summary.bytes)
    }

    // MARK: - JSON

    var json: JSON { .object([.init("models", .array(models.map(json(of:))))]) }

    private func json(of planned: PlannedModel) -> JSON {
        let plan = planned.plan
        func named(_ versions: [Version], _ extra: (Version) -> [JSON.Member] = { _ in [] }) -> JSON {
            .array(versions.map { .object([.init("version", .string($0.name))] + extra($0)) })
        }
        func reasons(_ versions: [Version: String]) -> JSON {
            named(versions.keys.sorted(by: >)) { [.init("reason", .string(versions[$0] ?? ""))] }
        }
        var members: [JSON.Member] = [
            .init("name", .string(planned.model.name)),
            .init("source", .string(planned.model.source.description)),
            .init("policy", .string(planned.model.policy.description)),
            .init("aspired", named(plan.aspired)),
            .init(
                "fetch",
                named(plan.fetch) { version in
                    guard let fetch = planned.fetches[version] else { return [] }
                    return [.init("files", .integer(Int64(fetch.missingFiles))), .init("bytes", .integer(fetch.missingBytes))]
                }),
            .init(
                "reuse",
                named(plan.fetch.filter { planned.fetches[$0]?.reusedFiles ?? 0 > 0 }) { version in
                    [
                        .init("files", .integer(Int64(planned.fetches[version]?.reusedFiles ?? 0))),
                        .init("bytes", .integer(planned.fetches[version]?.reusedBytes ?? 0)),
                    ]
                }),
            .init("examine", named(plan.examine)),
            .init("publish", named(plan.fetch)),
            .init("prune", named(plan.prune) { [.init("bytes", .integer(planned.published[$0]?.bytes ?? 0))] }),
            .init("keep", named(plan.keep.keys.sorted(by: >))),
            .init("held", reasons(plan.held)),
            .init("foreign", reasons(plan.foreign)),
            .init("absent", named(plan.absent)),
        ]
        if let failure = planned.failure {
            members.append(
                .init(
                    "failure",
                    .object([.init("kind", .string(failure.kind.rawValue)), .init("message", .string(failure.message))])))
        }
        return .object(members)
    }
}

extension String {
    /// Without white space at its end.
    fileprivate var trimmedEnd: Substring {
        var rest = self[...]
        while rest.last == " " { rest.removeLast() }
        return rest
    }
}
