import Testing

/// The agent's tests run one after the other: each has worker threads and files of its own, and two cores are soon busy.
@Suite("Agent", .serialized, .timeLimit(.minutes(5)))
enum AgentSuite {}
