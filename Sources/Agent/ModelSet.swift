public import ModelSources
public import Servables

/// The models that shall be on the volume, as they are known at one time.
public struct ModelSet: Sendable {
    /// In the configuration's order; names differ from each other.
    public var models: [DesiredModel]
    /// Called once for each model that is new or changed.
    public var makeSource: @Sendable (DesiredModel) -> any ModelSource
    /// The text that the models come from, which is kept on the volume as the last good list once the set is in force; `nil`: none.
    public var list: [UInt8]?
    /// Models that an earlier list had and that go, unless this one has them: those of the last good list on the volume.
    public var former: Set<String>
    /// Why it is not known what else there is to be: nothing that is left over is taken away then, and nothing is ready.
    public var gap: String?

    public init(
        models: [DesiredModel], list: [UInt8]? = nil, former: Set<String> = [], gap: String? = nil,
        makeSource: @escaping @Sendable (DesiredModel) -> any ModelSource
    ) {
        self.models = models
        self.list = list
        self.former = former
        self.gap = gap
        self.makeSource = makeSource
    }
}
