import Servables

/// Everything that is known of how the program was called: what takes effect, where it came from, what is wrong with it.
struct ConfigurationReport: Sendable {
    /// The settings that the command takes, in the order of the help.
    var settings: [EffectiveSetting]
    /// The models that could be read, with their effective settings.
    var models: [DesiredModel]
    var faults: [ConfigurationFault]
    /// Complete and checked; `nil` exactly when there is a fault.
    var configuration: Configuration?
}

/// What another room found out about a setting of its own, to be shown below ours.
struct ConfigurationRow: Hashable, Sendable {
    var name: String
    /// Without secrets; `nil`: none.
    var value: String?
    var origin: String
}
