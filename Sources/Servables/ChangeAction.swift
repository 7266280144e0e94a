/// What is done when the objects of a published version change at the source (`--on-changed`).
public enum ChangeAction: String, Hashable, Sendable, CaseIterable {
    /// It stays as it was published, and the change is reported.
    case keep
    /// It is fetched anew, taken out for a while, and put in again.
    case republish
}
