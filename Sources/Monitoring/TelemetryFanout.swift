public import Servables

/// Passes every event on to several receivers, in their order.
public struct TelemetryFanout: Telemetry {
    private let receivers: [any Telemetry]

    public init(_ receivers: [any Telemetry]) { self.receivers = receivers }

    public func record(_ event: TelemetryEvent) {
        for receiver in receivers { receiver.record(event) }
    }
}
