import Servables

/// The families of CONTRACT section 6, always in the same order, each sorted by its labels.
extension Exposition {
    /// What is a state.
    mutating func describe(_ status: AgentStatus) {
        family("aspired_build_info", .gauge, help: "Always 1; the version of the program is a label.")
        sample("aspired_build_info", [("version", status.program)], Int64(1))
        if let free = status.freeBytes {
            family("aspired_volume_free_bytes", .gauge, help: "Free bytes on the volume.")
            sample("aspired_volume_free_bytes", [], free)
        }
        let models = status.models.sorted { $0.name < $1.name }
        guard !models.isEmpty else { return }
        family("aspired_versions", .gauge, help: "Versions of a model by state.")
        for model in models {
            for state in VersionState.allCases {
                let count = model.versions.count { $0.state == state }
                sample("aspired_versions", [("model", model.name), ("state", state.rawValue)], Int64(count))
            }
        }
        family("aspired_behind_seconds", .gauge, help: "How long the newest listed version of a model has not been in place.")
        for model in models {
            sample("aspired_behind_seconds", [("model", model.name)], model.behind?.inSeconds ?? 0)
        }
        let confirming = models.filter { $0.unconfirmed != nil }
        guard !confirming.isEmpty else { return }
        family(
            "aspired_unconfirmed", .gauge,
            help: "Published versions of a model that the server has not confirmed within --confirm-timeout.")
        for model in confirming { sample("aspired_unconfirmed", [("model", model.name)], Int64(model.unconfirmed ?? 0)) }
    }

    /// What was counted.
    mutating func describe(_ counted: MetricsRecorder.State) {
        let models = counted.models.sorted { $0.key < $1.key }
        if !models.isEmpty {
            family("aspired_sync_total", .counter, help: "Looks at a model's source, by result.")
            for (model, counters) in models {
                sample("aspired_sync_total", [("model", model), ("result", "failure")], counters.syncFailed)
                sample("aspired_sync_total", [("model", model), ("result", "success")], counters.syncSucceeded)
            }
            perModel(
                models, "aspired_sync_last_success_timestamp_seconds", .gauge,
                help: "When a model's source was last looked at with success, in Unix time; 0 for never."
            ) { $0.sample($1, $2, $3.lastSuccess?.unixSeconds ?? 0) }
            perModel(
                models, "aspired_publish_lag_seconds", .histogram,
                help: "Time from a version's newest object to the version's being visible."
            ) { $0.histogram($1, $2, $3.publishLag) }
            perModel(models, "aspired_fetched_bytes_total", .counter, help: "Bytes of payload that came from a model's source.") {
                $0.sample($1, $2, $3.fetchedBytes)
            }
            perModel(
                models, "aspired_reused_bytes_total", .counter,
                help: "Bytes of a model that were not fetched, since a published version had them."
            ) { $0.sample($1, $2, $3.reusedBytes) }
            perModel(
                models, "aspired_checksum_failures_total", .counter,
                help: "How often bytes of a model did not match what its store says of them."
            ) { $0.sample($1, $2, $3.checksumFailures) }
            perModel(models, "aspired_pruned_total", .counter, help: "Versions of a model that were pruned.") {
                $0.sample($1, $2, $3.pruned)
            }
        }
        if !counted.requests.isEmpty {
            family("aspired_s3_requests_total", .counter, help: "Requests to S3 that ended; status 0 stands for no answer.")
            let requests = counted.requests.sorted {
                ($0.key.operation, $0.key.status) < ($1.key.operation, $1.key.status)
            }
            for (kind, count) in requests {
                sample("aspired_s3_requests_total", [("operation", kind.operation), ("status", String(kind.status))], count)
            }
            family("aspired_s3_request_seconds", .histogram, help: "How long requests to S3 took.")
            for (operation, seconds) in counted.requestSeconds.sorted(by: { $0.key < $1.key }) {
                histogram("aspired_s3_request_seconds", [("operation", operation)], seconds)
            }
        }
        if !counted.retries.isEmpty {
            family("aspired_s3_retries_total", .counter, help: "Requests to S3 that were tried again, by reason.")
            for (reason, count) in counted.retries.sorted(by: { $0.key < $1.key }) {
                sample("aspired_s3_retries_total", [("reason", reason)], count)
            }
        }
    }

    private mutating func perModel(
        _ models: [(key: String, value: MetricsRecorder.ModelCounters)], _ name: String, _ kind: Kind, help: String,
        write: (inout Exposition, String, [Label], MetricsRecorder.ModelCounters) -> Void
    ) {
        family(name, kind, help: help)
        for (model, counters) in models { write(&self, name, [("model", model)], counters) }
    }
}
