import Servables
import Testing

@testable import Agent

@Suite("What a server's words mean")
struct ServerWatchTests {
    private static func published(_ names: [String], at second: Int64 = 0, wasRefused: Bool = false) -> [ServerWatch.Published] {
        names.compactMap { Version($0) }.map {
            ServerWatch.Published($0, at: Timestamp(secondsSinceEpoch: second), wasRefused: wasRefused)
        }
    }

    private static func version(_ name: String) throws -> Version { try #require(Version(name)) }

    private static func view(_ states: [String: ServedState]) -> ServerView {
        var view = ServerView()
        for (name, state) in states { if let version = Version(name) { view.states[version] = state } }
        return view
    }

    private static let away = ServerFault(Failure(.unavailable, "nobody there"), isAway: true)
    private static let slow = ServerFault(Failure(.unavailable, "no answer"), isAway: false)

    /// One that has begun with version 7 confirmed, and sees 8 come in at second 1: one of that number was on the volume before.
    private static func begun(_ before: ServedState? = nil, wasRefused: Bool = false, returned: Set<Version> = []) -> ServerWatch
    {
        var watch = ServerWatch()
        watch.follow(published(["7"]), aside: ["8"].compactMap { Version($0) }, returned: [], .zero)
        watch.saw(view(["7": .available].merging(before.map { ["8": $0] } ?? [:]) { $1 }), .zero)
        watch.follow(published(["7"]) + published(["8"], at: 1, wasRefused: wasRefused), returned: returned, .seconds(1))
        return watch
    }

    private static func text(_ serving: ServingState) -> String {
        let parts = [
            "confirmed \(serving.confirmed.sorted().map(\.name).joined(separator: ","))",
            "loading \(serving.loading.sorted().map(\.name).joined(separator: ","))",
            "failed \(serving.failed.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ","))",
        ]
        return parts.filter { !$0.hasSuffix(" ") }.joined(separator: " · ")
    }

    @Test("A version is loading, then confirmed, and stays so whatever comes")
    func confirms() throws {
        var watch = Self.begun()
        #expect(watch.isOpen)
        #expect(Self.text(watch.serving(.seconds(1))) == "confirmed 7")
        for (state, text) in [
            (ServedState.waiting, "confirmed 7 · loading 8"), (.loading, "confirmed 7 · loading 8"),
            (.available, "confirmed 7,8"),
            (.unloading, "confirmed 7,8"), (.ended, "confirmed 7,8"), (.failed("later"), "confirmed 7,8"),
        ] {
            watch.saw(Self.view(["8": state]), .seconds(2))
            #expect(Self.text(watch.serving(.seconds(2))) == text, "\(state)")
        }
        #expect(!watch.isOpen)
        watch.follow(Self.published(["7"]), returned: [], .seconds(3))
        #expect(Self.text(watch.serving(.seconds(3))) == "confirmed 7", "what is not on the volume is forgotten")
    }

    @Test("A failure that the server reports of a new version counts at once; what it does not list, or is late with, never does")
    func fails() throws {
        var watch = Self.begun()
        watch.saw(Self.view([:]), .seconds(2))
        watch.sawNothing(Self.slow, .seconds(4))
        #expect(watch.serving(.seconds(9_000)).failed.isEmpty)
        watch.saw(Self.view(["8": .failed("no")]), .seconds(9_000))
        #expect(Self.text(watch.serving(.seconds(9_000))) == "confirmed 7 · failed 8 no")
    }

    @Test("Cancelled, or unloaded, is no failure")
    func ended() throws {
        var watch = Self.begun()
        watch.saw(Self.view(["8": .ended]), .seconds(2))
        #expect(Self.text(watch.serving(.seconds(2))) == "confirmed 7")
    }

    @Test("What was loaded of an earlier content says nothing of the new one until it was seen gone")
    func republished() throws {
        var watch = Self.begun(.available)
        watch.saw(Self.view(["8": .available]), .seconds(2))
        #expect(Self.text(watch.serving(.seconds(2))) == "confirmed 7")
        #expect(watch.reason(try Self.version("8"))?.contains("still has what was there before") == true)
        watch.saw(Self.view(["8": .unloading]), .seconds(3))
        watch.saw(Self.view(["8": .available]), .seconds(3))
        #expect(Self.text(watch.serving(.seconds(3))) == "confirmed 7", "unloading is not gone")
        watch.saw(Self.view(["8": .ended]), .seconds(4))
        watch.saw(Self.view(["8": .available]), .seconds(5))
        #expect(Self.text(watch.serving(.seconds(5))) == "confirmed 7,8")
    }

    @Test("The same number with another content is another version")
    func otherContent() throws {
        var watch = Self.begun()
        watch.saw(Self.view(["8": .available]), .seconds(2))
        watch.follow(Self.published(["7"]) + Self.published(["8"], at: 9), returned: [], .seconds(9))
        #expect(Self.text(watch.serving(.seconds(9))) == "confirmed 7")
        watch.saw(Self.view(["8": .available]), .seconds(10))
        #expect(Self.text(watch.serving(.seconds(10))) == "confirmed 7")
        watch.saw(Self.view([:]), .seconds(11))
        watch.saw(Self.view(["8": .available]), .seconds(12))
        #expect(Self.text(watch.serving(.seconds(12))) == "confirmed 7,8")
    }

    @Test("Of a number that never was on the volume there is no earlier content")
    func firstTime() throws {
        var watch = ServerWatch()
        watch.follow(Self.published(["7"]), returned: [], .zero)
        watch.saw(Self.view(["7": .available, "8": .available, "9": .failed("no")]), .zero)
        watch.follow(Self.published(["7", "8", "9"]), returned: [], .seconds(1))
        watch.saw(Self.view(["7": .available, "8": .available, "9": .failed("no")]), .seconds(1))
        #expect(Self.text(watch.serving(.seconds(1))) == "confirmed 7,8 · failed 9 no")
    }

    @Test("What waited for its turn has not been read: what is loaded under its number is the new content")
    func waitedInVain() throws {
        var watch = Self.begun(.waiting)
        watch.saw(Self.view(["8": .waiting]), .seconds(2))
        watch.saw(Self.view(["8": .available]), .seconds(3))
        #expect(Self.text(watch.serving(.seconds(3))) == "confirmed 7,8")
        // Nor does one whose turn comes anew have the earlier content.
        var other = Self.begun(.available)
        other.saw(Self.view(["8": .waiting]), .seconds(2))
        other.saw(Self.view(["8": .available]), .seconds(3))
        #expect(Self.text(other.serving(.seconds(3))) == "confirmed 7,8")
    }

    @Test("What waits is about to be loaded for as long as the server goes on with anything of the model, and a minute more")
    func givenUpBeforeItsTurn() throws {
        let eight = try Self.version("8")
        var watch = Self.begun()
        watch.saw(Self.view(["7": .loading, "8": .waiting]), .seconds(1))
        watch.saw(Self.view(["7": .loading, "8": .waiting]), .seconds(600))
        #expect(watch.serving(.seconds(600)).loading.contains(eight))
        watch.saw(Self.view(["7": .available, "8": .waiting]), .seconds(601))
        watch.saw(Self.view(["7": .available, "8": .waiting]), .seconds(660))
        #expect(watch.serving(.seconds(660)).loading.contains(eight))
        watch.saw(Self.view(["7": .available, "8": .waiting]), .seconds(661))
        #expect(watch.serving(.seconds(661)).loading.isEmpty)
        // One that did not answer may have done anything meanwhile.
        watch.sawNothing(Self.slow, .seconds(662))
        watch.saw(Self.view(["7": .available, "8": .waiting]), .seconds(700))
        #expect(watch.serving(.seconds(700)).loading.contains(eight))
    }

    @Test("What comes back as it was is what the server says it is")
    func returned() throws {
        var watch = Self.begun(.available, returned: [try Self.version("8")])
        watch.saw(Self.view(["8": .available]), .seconds(2))
        #expect(Self.text(watch.serving(.seconds(2))) == "confirmed 7,8")
    }

    @Test("A failure of an earlier content does not count against the new one until the server has tried that")
    func staleFailure() throws {
        var watch = Self.begun(.failed("no"))
        for second in 2...61 { watch.saw(Self.view(["8": .failed("no")]), .seconds(second)) }
        #expect(watch.serving(.seconds(61)).failed.isEmpty)
        var tried = watch
        tried.saw(Self.view(["8": .loading]), .seconds(61))
        tried.saw(Self.view(["8": .failed("no")]), .seconds(61))
        #expect(Self.text(tried.serving(.seconds(61))) == "confirmed 7 · failed 8 no")
        // One that fails so fast that nobody sees it loading must not stay the highest for ever: a server that starts anew would stop.
        watch.saw(Self.view(["8": .failed("no")]), .seconds(62))
        #expect(Self.text(watch.serving(.seconds(62))) == "confirmed 7 · failed 8 no")
    }

    @Test("The same content again fails if the server tries it, or stays with its word")
    func readmitted() throws {
        var watch = Self.begun(.failed("no"), wasRefused: true)
        watch.saw(Self.view(["8": .failed("no")]), .seconds(2))
        #expect(watch.serving(.seconds(2)).failed.isEmpty)
        watch.saw(Self.view(["8": .failed("no")]), .seconds(12))
        #expect(Self.text(watch.serving(.seconds(12))) == "confirmed 7 · failed 8 no")
        var other = Self.begun(.failed("no"), wasRefused: true)
        other.saw(Self.view(["8": .loading]), .seconds(2))
        other.saw(Self.view(["8": .available]), .seconds(3))
        #expect(Self.text(other.serving(.seconds(3))) == "confirmed 7,8")
    }

    @Test("At the start nobody knows of which try a failure is: it counts if the server stays with it")
    func atStart() throws {
        var watch = ServerWatch()
        watch.follow(Self.published(["7", "8"]), returned: [], .zero)
        watch.saw(Self.view(["7": .available, "8": .failed("no")]), .seconds(1))
        #expect(Self.text(watch.serving(.seconds(1))) == "confirmed 7")
        watch.saw(Self.view(["7": .available, "8": .failed("no")]), .seconds(11))
        #expect(Self.text(watch.serving(.seconds(11))) == "confirmed 7 · failed 8 no")
    }

    @Test("A server that dies twice while it loads a version has refused it; once, or while it loads another, it has not")
    func dies() throws {
        var watch = Self.begun()
        func die(while state: ServedState) {
            watch.saw(Self.view(["8": state]), .seconds(2))
            watch.sawNothing(Self.away, .seconds(4))
            watch.sawNothing(Self.away, .seconds(4))
        }
        die(while: .waiting)
        die(while: .waiting)
        die(while: .loading)
        #expect(watch.serving(.seconds(3)).failed.isEmpty)
        #expect(watch.serving(.seconds(3)).loading.isEmpty, "nobody loads it while nobody is there")
        watch.saw(Self.view(["8": .loading]), .seconds(4))
        watch.sawNothing(Self.slow, .seconds(4))
        #expect(watch.serving(.seconds(4)).failed.isEmpty, "one that is slow has not died")
        watch.sawNothing(Self.away, .seconds(4))
        #expect(watch.serving(.seconds(5)).failed.count == 1)
    }

    @Test("What the server loads is known whoever put it there, and so is that it serves what is not on the volume")
    func others() throws {
        var watch = Self.begun()
        watch.saw(Self.view(["7": .available, "8": .available]), .seconds(2))
        #expect(watch.serving(.seconds(2)).unseen == [])
        watch.saw(Self.view(["6": .available, "7": .ended, "9": .loading]), .seconds(3))
        #expect(watch.serving(.seconds(3)).unseen == [try Self.version("6")])
        #expect(Self.text(watch.serving(.seconds(3))) == "confirmed 7,8 · loading 9")
    }

    @Test("A server that nobody has seen for long is lost, until it answers")
    func lost() throws {
        var watch = Self.begun()
        watch.sawNothing(Self.away, .seconds(10))
        watch.sawNothing(Self.away, .seconds(60))
        #expect(!watch.serving(.seconds(69), patience: .seconds(60)).isLost)
        #expect(watch.serving(.seconds(70), patience: .seconds(60)).isLost)
        watch.saw(Self.view([:]), .seconds(71))
        #expect(!watch.serving(.seconds(500), patience: .seconds(60)).isLost)
    }

    @Test("After the time-out a version is told, once, and goes on being watched")
    func overdue() throws {
        var watch = Self.begun()
        let eight = try Self.version("8")
        #expect(watch.overdue(.seconds(10), after: .seconds(10)).isEmpty)
        #expect(watch.overdue(.seconds(11), after: .seconds(10)) == [eight])
        let (first, second) = (watch.say(overdue: eight), watch.say(overdue: eight))
        #expect(first && !second)
        #expect(watch.isOpen && watch.serving(.seconds(11)).failed.isEmpty)
        watch.saw(Self.view(["8": .available]), .seconds(12))
        #expect(watch.overdue(.seconds(12), after: .seconds(10)).isEmpty)
    }
}
