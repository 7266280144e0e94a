import Servables
import Testing

@testable import AspiredCLI

@Suite("Exit codes")
struct ExitCodeTests {
    @Test("each kind of failure has the code of the contract")
    func codes() {
        let codes = FailureKind.allCases.map { ExitCode($0).rawValue }
        #expect(
            FailureKind.allCases == [.badData, .notFound, .unavailable, .internalError, .volume, .busy, .denied, .configuration])
        #expect(codes == [65, 66, 69, 70, 73, 75, 77, 78])
        #expect(ExitCode.done.rawValue == 0 && ExitCode.probeFailed.rawValue == 1 && ExitCode.usage.rawValue == 64)
    }

    @Test("of several failures the first that cannot heal wins, then the first")
    func mostSevere() {
        let heals = Failure(.unavailable, "a", isTransient: true)
        let healsToo = Failure(.volume, "b", isTransient: true)
        let stays = Failure(.notFound, "c")
        let staysToo = Failure(.denied, "d")
        #expect(ExitCode.mostSevere(of: []) == nil)
        #expect(ExitCode.mostSevere(of: [heals, healsToo]) == heals)
        #expect(ExitCode.mostSevere(of: [heals, stays, staysToo]) == stays)
        #expect(ExitCode.mostSevere(of: [staysToo, heals, stays]) == staysToo)
    }
}
