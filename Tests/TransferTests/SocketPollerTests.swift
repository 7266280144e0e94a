import Glibc
import Testing

@testable import Transfer

@Suite("Waiting for many sockets")
struct SocketPollerTests {
    private func withPair(_ body: (SocketPoller, _ near: CInt, _ far: CInt) throws -> Void) throws {
        let poller = try #require(SocketPoller())
        var pair: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
        defer {
            for descriptor in pair { close(descriptor) }
            poller.close()
        }
        try body(poller, pair[0], pair[1])
    }

    private func ready(_ poller: SocketPoller, milliseconds: Int = 0) -> [CInt: SocketPoller.Interest] {
        poller.wait(milliseconds: milliseconds)
        var found: [CInt: SocketPoller.Interest] = [:]
        poller.takeReady { found[$0] = $1 }
        return found
    }

    @Test("a socket is handed out for what it is watched for, and as long as that is so")
    func watches() throws {
        try withPair { poller, near, far in
            #expect(poller.watch(near, .readable) && ready(poller) == [:])
            #expect(write(far, "a", 1) == 1)
            #expect(ready(poller) == [near: .readable] && ready(poller) == [near: .readable])
            #expect(poller.watch(near, .writable) && ready(poller) == [near: .writable])
            #expect(poller.watch(near, [.readable, .writable]) && ready(poller) == [near: [.readable, .writable]])
            poller.forget(near)
            #expect(ready(poller) == [:])
        }
    }

    @Test("what one wait found is handed out once")
    func onlyOnce() throws {
        try withPair { poller, near, _ in
            #expect(poller.watch(near, .writable) && ready(poller) == [near: .writable])
            poller.takeReady { socket, _ in Issue.record("\(socket) again") }
        }
    }

    @Test("a socket whose other end is gone is ready for everything, so that whoever waits for it learns")
    func hungUp() throws {
        try withPair { poller, near, far in
            #expect(poller.watch(near, .writable))
            shutdown(far, CInt(SHUT_RDWR))
            #expect(ready(poller) == [near: [.readable, .writable]])
        }
    }

    @Test("whoever was called before it waits, waits for nothing; and is not called by its own bell again")
    func wakes() throws {
        try withPair { poller, near, _ in
            #expect(poller.watch(near, .writable))
            poller.wakeUp()
            poller.wakeUp()
            #expect(ready(poller, milliseconds: 60_000) == [near: .writable])
            poller.forget(near)
            #expect(ready(poller) == [:])
        }
    }

    @Test("what cannot be waited for is said")
    func refuses() throws {
        let file = open("/proc/self/exe", O_RDONLY)
        defer { close(file) }
        try withPair { poller, near, _ in
            #expect(!poller.watch(file, .readable) && !poller.watch(-1, .readable))
            // What is closed has gone by itself.
            poller.forget(-1)
            #expect(poller.watch(near, .readable))
        }
    }
}
