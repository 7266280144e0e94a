import Testing

@testable import S3

@Suite("The window of requests")
struct RequestWindowTests {
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
        let window = RequestWindow(3)
        let state = Box((running: 0, most: 0, done: 0))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let ran: Void? = await window.withPlace(priority: 0) {
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

    @Test("who waits goes by priority, then by who came first; who is cancelled gives up at once and takes no place")
    func order() async {
        let window = RequestWindow(1)
        let order = Box<[String]>([])
        let isOpen = Box(false)
        let holder = Task {
            await window.withPlace(priority: 0) {
                order.change { $0.append("holder") }
                while !isOpen.value { await Task.yield() }
            }
        }
        await settle { order.value == ["holder"] }
        var tasks: [Task<Void, Never>] = []
        var waiting = 0
        func start(_ name: String, _ priority: Int) async {
            tasks.append(
                Task {
                    let ran: Void? = await window.withPlace(priority: priority) { order.change { $0.append(name) } }
                    if ran == nil { order.change { $0.append("no \(name)") } }
                })
            waiting += 1
            await settle { window.waiting == waiting }
        }
        await start("low 1", 0)
        await start("high 1", 5)
        await start("low 2", 0)
        await start("high 2", 5)
        tasks[2].cancel()
        await settle { order.value.contains("no low 2") }
        isOpen.value = true
        await holder.value
        for task in tasks { await task.value }
        #expect(order.value == ["holder", "no low 2", "high 1", "high 2", "low 1"])
        #expect(window.waiting == 0)
    }

    @Test("a task that was cancelled before it asks gets no place when none is free")
    func cancelledBefore() async {
        let window = RequestWindow(1)
        await window.withPlace(priority: 0) {
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return await window.withPlace(priority: 0) { true }
            }
            task.cancel()
            #expect(await task.value == nil)
        }
        let ran = await window.withPlace(priority: 0) { true }
        #expect(ran == true)
    }
}
