import Testing

@testable import S3

@Suite("The window of requests")
struct RequestWindowTests {
    private let time = TestTime()
    private let part: Int64 = 8 << 20

    /// Runs `body` with a place for a request of so many bytes; `nil` where there was none to be had.
    private func withPlace<Value>(
        _ window: RequestWindow, for party: FetchParty = FetchParty("m"), bytes: Int64 = 0, _ body: () async -> Value
    ) async -> Value? {
        guard await window.take(for: party, bytes: bytes) else { return nil }
        let value = await body()
        window.giveBack(for: party, bytes: bytes, .done(bytes))
        return value
    }

    /// Lets every task that can run do so.
    private func settle(until condition: () -> Bool) async {
        var turns = 0
        while !condition(), turns < 100_000 {
            await Task.yield()
            turns += 1
        }
    }

    @Test("no more than its size run at once, and all do in the end")
    func bound() async {
        let window = RequestWindow(limit: 3, partSize: part, time: time)
        let state = Box((running: 0, most: 0, done: 0))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let ran: Void? = await withPlace(window) {
                        state.change {
                            $0.running += 1
                            $0.most = max($0.most, $0.running)
                        }
                        for _ in 0..<20 { await Task.yield() }
                        state.change {
                            $0.running -= 1
                            $0.done += 1
                        }
                    }
                    #expect(ran != nil)
                }
            }
        }
        #expect(state.value.done == 50)
        #expect(state.value.most == 3)
    }

    @Test("who waits goes by urgency, then by who came first; who is cancelled gives up at once and takes no place")
    func order() async {
        let window = RequestWindow(limit: 1, partSize: part, time: time)
        let order = Box<[String]>([])
        let isOpen = Box(false)
        let holder = Task {
            await withPlace(window) {
                order.change { $0.append("holder") }
                while !isOpen.value { await Task.yield() }
            }
        }
        await settle { order.value == ["holder"] }
        var tasks: [Task<Void, Never>] = []
        var waiting = 0
        func start(_ name: String, _ isUrgent: Bool) async {
            let party = FetchParty(isUrgent ? "urgent" : "other", isUrgent: isUrgent)
            tasks.append(
                Task {
                    let ran: Void? = await withPlace(window, for: party) { order.change { $0.append(name) } }
                    if ran == nil { order.change { $0.append("no \(name)") } }
                })
            waiting += 1
            await settle { window.waiting == waiting }
        }
        await start("low 1", false)
        await start("high 1", true)
        await start("low 2", false)
        await start("high 2", true)
        tasks[2].cancel()
        await settle { order.value.contains("no low 2") }
        isOpen.value = true
        await holder.value
        for task in tasks { await task.value }
        #expect(order.value == ["holder", "no low 2", "high 1", "high 2", "low 1"])
        #expect(window.waiting == 0)
    }

    @Test("of two models that wait the one with fewer requests in flight goes first, whoever came before")
    func fairness() async {
        let window = RequestWindow(limit: 4, partSize: part, time: time)
        let (early, late) = (FetchParty("early"), FetchParty("late"))
        for _ in 0..<4 { #expect(await window.take(for: early, bytes: part)) }
        let order = Box<[String]>([])
        var tasks: [Task<Void, Never>] = []
        for party in [early, early, early, late, late, late] {
            let before = window.waiting
            tasks.append(
                Task {
                    if await window.take(for: party, bytes: part) { order.change { $0.append(party.name) } }
                })
            await settle { window.waiting > before }
        }
        for count in 1...4 {
            window.giveBack(for: early, bytes: part, .failed)
            await settle { order.value.count == count }
        }
        // Three against none, two against one, then one against two, twice.
        #expect(order.value == ["late", "late", "early", "early"])
        for _ in 0..<2 { window.giveBack(for: early, bytes: part, .failed) }
        for task in tasks { await task.value }
        #expect(order.value.count == 6)
    }

    @Test("of one model's objects the two that were begun first go on by turns, and then the next one")
    func turns() async {
        let window = RequestWindow(limit: 1, partSize: part, time: time)
        let party = FetchParty("m")
        let objects = ["a", "b", "c"].map { (name: $0, turn: window.nextTurn()) }
        #expect(await window.take(for: party, bytes: part))
        let order = Box<[String]>([])
        var tasks: [Task<Void, Never>] = []
        // Each asks for its next part once it has one.
        for (name, turn) in objects.reversed() {
            let before = window.waiting
            tasks.append(
                Task {
                    for _ in 1...3 where await window.take(for: party, turn: turn, bytes: part) {
                        order.change { $0.append(name) }
                    }
                })
            await settle { window.waiting > before }
        }
        for count in 1...9 {
            window.giveBack(for: party, bytes: part, .done(part))
            await settle { order.value.count == count && window.waiting == 3 - order.value.finished }
        }
        for task in tasks { await task.value }
        #expect(order.value.joined() == "bababcacc")
    }

    @Test("a task that was cancelled before it asks gets no place when none is free")
    func cancelledBefore() async {
        let window = RequestWindow(limit: 1, partSize: part, time: time)
        await withPlace(window) {
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return await withPlace(window) { true }
            }
            task.cancel()
            #expect(await task.value == nil)
        }
        let ran = await withPlace(window) { true }
        #expect(ran == true)
    }

    @Test("large requests wait for the line, and small ones that come later fill the gap; urgency goes before")
    func gaps() async {
        let window = RequestWindow(limit: 2 * WindowControl.firstCount, partSize: part, time: time)
        for _ in 0..<WindowControl.firstParts { #expect(await window.take(for: FetchParty("m"), bytes: part)) }
        for _ in WindowControl.firstParts..<WindowControl.firstCount {
            #expect(await window.take(for: FetchParty("m"), bytes: 1_000))
        }
        let order = Box<[String]>([])
        var tasks: [Task<Void, Never>] = []
        func start(_ name: String, _ bytes: Int64, isUrgent: Bool = false) async {
            let before = window.waiting
            let party = FetchParty("m", isUrgent: isUrgent)
            tasks.append(
                Task {
                    if await window.take(for: party, bytes: bytes) { order.change { $0.append(name) } }
                })
            await settle { window.waiting > before || order.value.contains(name) }
        }
        #expect(!window.isListening)
        await start("large", part)
        #expect(window.waiting == 1)
        for number in 1...3 { await start("small \(number)", 1_000) }
        await start("urgent", part, isUrgent: true)
        // Nothing of the line is free for the large one after that, and of the count there is for small ones.
        window.giveBack(for: FetchParty("m"), bytes: part, .done(part))
        await settle { order.value.count == 2 }
        #expect(Set(order.value) == ["urgent", "small 1"])
        for _ in 0..<4 { window.giveBack(for: FetchParty("m"), bytes: part, .done(part)) }
        for task in tasks { await task.value }
        #expect(order.value.count == 5)
    }

    @Test("who waits for the line goes as soon as the threads are found to wait, and only then are they listened to")
    func idleThreads() async {
        let window = RequestWindow(limit: 2 * WindowControl.firstCount, partSize: part, time: time)
        for _ in 0..<WindowControl.firstParts { #expect(await window.take(for: FetchParty("m"), bytes: part)) }
        #expect(!window.isListening)
        let task = Task { await window.take(for: FetchParty("m"), bytes: part) }
        await settle { window.waiting == 1 }
        #expect(window.isListening)
        window.threadSpent(waiting: .zero, working: .milliseconds(2))
        #expect(window.waiting == 1)
        window.threadSpent(waiting: .milliseconds(2), working: .zero)
        let isGiven = await task.value
        #expect(isGiven)
        #expect(window.waiting == 0 && !window.isListening)
    }
}

extension [String] {
    /// Names that are there three times.
    fileprivate var finished: Int { Set(self).count { name in count { $0 == name } == 3 } }
}
