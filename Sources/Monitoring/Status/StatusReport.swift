import PlainJSON
public import Servables

/// An agent's status for people and for programs.
public enum StatusReport {
    /// The status as JSON (RFC 8259), indented, with a line feed at its end: `/status` and `aspired status -o json`.
    ///
    /// The keys only ever gain company. What is not known is `null`; instants are RFC 3339 in UTC.
    ///
    /// - `program`, `root`, `role` (`active`, `standby`, `observer`), `holder` (who holds the volume), `free_bytes`, `ready`
    /// - `models`, in the configuration's order:
    ///   - `name`, `source`, `policy`, `required`, `ready`, `not_ready_reason`, `last_success`,
    ///     `last_failure` (`kind`, `message`), `behind_seconds`, `unconfirmed` (with `--server`)
    ///   - `versions`, highest first: `version` (its number), `directory` (its name as the source spells it), `state`,
    ///     `reason`, `files`, `bytes`, `staged_bytes`, `published_at`, `verified` (files by method), `synced` (whether the disk
    ///     has all of it, `--sync`)
    public static func json(_ status: AgentStatus) -> String {
        let value: JSON = [
            "program": .string(status.program),
            "root": .string(status.root),
            "role": .string(role(status)),
            "holder": text(holder(status)),
            "free_bytes": integer(status.freeBytes),
            "ready": flag(status.isReady),
            "models": .array(status.models.map(json)),
        ]
        return value.text(indented: true) + "\n"
    }

    private static func json(_ model: ModelStatus) -> JSON {
        [
            "name": .string(model.name),
            "source": text(model.source),
            "policy": text(model.policy?.description),
            "required": .bool(model.isRequired),
            "ready": flag(model.isReady),
            "not_ready_reason": text(model.notReadyReason),
            "last_success": text(model.lastSuccess?.description),
            "last_failure": model.lastFailure.map { failure in
                ["kind": .string(failure.kind.rawValue), "message": .string(failure.message)]
            } ?? .null,
            "behind_seconds": model.behind.map { .number($0.inSeconds) } ?? .null,
            "unconfirmed": integer(model.unconfirmed.map(Int64.init)),
            "versions": .array(model.versions.map(json)),
        ]
    }

    private static func json(_ version: VersionStatus) -> JSON {
        [
            "version": .integer(version.version.number),
            "directory": .string(version.version.name),
            "state": .string(version.state.rawValue),
            "reason": text(version.reason),
            "files": integer(version.files.map(Int64.init)),
            "bytes": integer(version.bytes),
            "staged_bytes": integer(version.stagedBytes),
            "published_at": text(version.publishedAt?.description),
            "verified": .object(
                VerificationMethod.strongestFirst.compactMap { method in
                    version.verified[method].map { JSON.Member(method.rawValue, .integer(Int64($0))) }
                }),
            "synced": flag(version.isSynced),
        ]
    }

    private static func role(_ status: AgentStatus) -> String {
        switch status.role {
        case .active: "active"
        case .standby: "standby"
        case .observer: "observer"
        }
    }

    private static func holder(_ status: AgentStatus) -> String? {
        if case .standby(let holder) = status.role { return status.holder ?? holder }
        return status.holder
    }

    private static func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
    private static func integer(_ value: Int64?) -> JSON { value.map(JSON.integer) ?? .null }
    private static func flag(_ value: Bool?) -> JSON { value.map(JSON.bool) ?? .null }
}

extension VerificationMethod {
    static let strongestFirst = Array(allCases.reversed())
}
