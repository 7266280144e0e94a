import Glibc
import SystemPackage
import Testing

@testable import FileIO

@Suite("Locks and worker threads")
struct LockTests {
    private struct Refusal: Error, Equatable {}

    @Test("a lock lets one thread at a time change its value")
    func exclusion() async {
        let (count, started) = (Lock(0), Lock(0))
        let threads = WorkerThread(name: "adders", threads: 4)
        for _ in 0..<4 {
            threads.enqueue {
                started.withLock { $0 += 1 }
                while started.withLock({ $0 }) < 4 { sched_yield() }
                for _ in 0..<1_000 {
                    count.withLock { count in
                        let before = count
                        sched_yield()
                        count = before + 1
                    }
                }
                started.withLock { $0 += 1 }
            }
        }
        while started.withLock({ $0 }) < 8 { usleep(500) }
        #expect(count.withLock { $0 } == 4_000)
    }

    @Test("a lock is free again after its holder threw")
    func throwing() {
        let value = Lock(1)
        #expect(throws: Refusal()) {
            try value.withLock { (value) throws(Refusal) in
                value = 2
                throw Refusal()
            }
        }
        #expect(value.withLock { $0 } == 2)
    }

    @Test("one worker thread runs its jobs one after the other, in the order given")
    func order() async {
        let worker = WorkerThread(name: "ordered")
        let ran = Lock<[Int]>([])
        let gate = Gate()
        // Holds the thread until all others wait in line.
        worker.enqueue { gate.wait() }
        for number in 0..<1_000 { worker.enqueue { ran.withLock { $0.append(number) } } }
        gate.open()
        await worker.run {}
        #expect(ran.withLock { $0 } == Array(0..<1_000))
    }

    @Test("as many jobs run at once as there are threads, and no more")
    func severalThreads() async {
        let worker = WorkerThread(name: "several", threads: 3)
        let running = Lock(0)
        let gate = Gate()
        for _ in 0..<12 {
            worker.enqueue {
                running.withLock { $0 += 1 }
                gate.wait()
            }
        }
        while running.withLock({ $0 }) < 3 { usleep(500) }
        // A fourth would be there soon.
        for _ in 0..<50 where running.withLock({ $0 }) == 3 { usleep(1_000) }
        #expect(running.withLock { $0 } == 3)
        gate.open()
        while running.withLock({ $0 }) < 12 { usleep(500) }
    }

    @Test("a task that prefers a worker runs on its threads, and there runs the worker's jobs itself, before those that wait")
    func executor() async {
        let (worker, other) = (WorkerThread(name: "preferred"), WorkerThread(name: "other"))
        await Task(executorPreference: worker) {
            let own = currentThread()
            let ran = Lock<[String]>([])
            worker.enqueue { ran.withLock { $0.append("waiting") } }
            #expect(await worker.run { currentThread() } == own)
            await worker.run { ran.withLock { $0.append("own") } }
            #expect(ran.withLock { $0 } == ["own"])
            // What is another worker's is handed over, and the task is back on its own threads after it.
            let elsewhere = await other.run { currentThread() }
            #expect(elsewhere != own)
            #expect(currentThread() == own)
            await withTaskGroup(of: pthread_t.self) { group in
                for _ in 0..<4 { group.addTask { await worker.run { currentThread() } } }
                for await id in group { #expect(id == own) }
            }
        }.value
        #expect(await worker.run { 7 } == 7)
    }

    @Test(
        "a task goes on on the host that has let it go on, where its worker allows that, and not once the host has closed",
        arguments: [true, false])
    func hosts(stays: Bool) async {
        let (worker, hosting) = (WorkerThread(name: "guest", staysWhereResumed: stays), WorkerThread(name: "host"))
        /// What the task waits for next.
        let offer = Monitor<Handover<Int>?>(nil)
        let task = Task(executorPreference: worker) {
            var places: [pthread_t] = []
            for round in 0..<3 {
                #expect(await withHandover { handover in offer.signal { $0 = handover } } == round)
                places.append(currentThread())
            }
            return places
        }
        let own = await hosting.run {
            func give(_ value: Int) {
                let handover = offer.wait { $0.take() }
                worker.settle()
                handover.give(value)
            }
            let host = TaskHost()
            host.open()
            give(0)
            #expect(host.isEmpty != stays)
            host.run()
            give(1)
            host.close()
            #expect(host.isEmpty)
            give(2)
            #expect(host.isEmpty)
            return currentThread()
        }
        let places = await task.value.map { $0 == own }
        #expect(places == [stays, stays, false])
    }

    @Test("what comes while a host runs tasks is for its next time, and when it closes nothing is left")
    func hostsByTurns() async {
        let (worker, hosting) = (WorkerThread(name: "guest", staysWhereResumed: true), WorkerThread(name: "host"))
        let waiting = Monitor<[Handover<Void>]>([])
        let ran = Lock(0)
        // Each lets the next one go on.
        for _ in 1...5 {
            Task(executorPreference: worker) {
                await withHandover { (handover: Handover<Void>) in waiting.signal { $0.append(handover) } }
                ran.withLock { $0 += 1 }
                waiting.change { $0.popLast() }?.give(())
            }
        }
        await hosting.run {
            let host = TaskHost()
            host.open()
            let first = waiting.wait { $0.count == 5 ? $0.popLast() : nil }
            worker.settle()
            first.give(())
            for turn in 1...2 {
                host.run()
                #expect(ran.withLock { $0 } == turn)
                #expect(!host.isEmpty)
            }
            host.close()
            #expect(ran.withLock { $0 } == 5)
        }
    }

    @Test("what a job throws is thrown to who asked for it")
    func failure() async {
        let worker = WorkerThread(name: "refusing")
        await #expect(throws: Refusal()) { try await worker.run { () throws(Refusal) in throw Refusal() } }
        #expect(await worker.run { 7 } == 7)
    }

    @Test("a worker's threads end when nobody can give them work any more")
    func end() async throws {
        var worker: WorkerThread? = WorkerThread(name: "vt-ending", threads: 2)
        await worker?.run {}
        #expect(try threadNames().contains("vt-ending"))
        worker = nil
        var isGone = false
        for _ in 0..<5_000 where !isGone {
            isGone = try !threadNames().contains("vt-ending")
            usleep(1_000)
        }
        #expect(isGone)
    }
}

private func currentThread() -> pthread_t { pthread_self() }

private func threadNames() throws -> [String] {
    let fileSystem = FileSystem()
    return try fileSystem.list("/proc/self/task").compactMap { id in
        // One may end meanwhile.
        guard let name = try? fileSystem.readFile(FilePath("/proc/self/task/\(id)/comm"), limit: 64) else { return nil }
        return String(decoding: name.dropLast(), as: UTF8.self)
    }
}

/// Opened once, by anybody; threads wait at it by blocking.
private final class Gate: Sendable {
    private let isOpen = Lock(false)

    func open() { isOpen.withLock { $0 = true } }

    func wait() {
        while !isOpen.withLock({ $0 }) { usleep(200) }
    }
}

extension WorkerThread {
    /// Blocks until the only thread of this worker has done what it was given. A task that has said what it waits for may not wait yet, and
    /// one that is let go on before it does is nobody's to run: it just goes on where it is.
    fileprivate func settle() {
        let isDone = Monitor(false)
        enqueue { isDone.signal { $0 = true } }
        isDone.wait { $0 ? () : nil }
    }
}
