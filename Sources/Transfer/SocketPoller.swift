import CLinux
import Glibc

/// Waits for many sockets at once, at a cost that does not grow with those that have nothing to say (epoll(7)), and for whoever
/// wants its thread to look up. Driven by one thread; `wakeUp` alone may be called from others, as long as it is open, which
/// `TransferThread` sees to (hence `@unchecked Sendable`).
final class SocketPoller: @unchecked Sendable {
    /// What a socket is waited for, or found to be.
    struct Interest: OptionSet {
        let rawValue: UInt32
        static let readable = Interest(rawValue: EPOLLIN.rawValue)
        static let writable = Interest(rawValue: EPOLLOUT.rawValue)
    }

    private static let room = 64
    private let poll: CInt
    private let bell: CInt
    private let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: room)
    private var ready = 0

    /// `nil` if the system has no descriptor left.
    init?() {
        poll = epoll_create1(CInt(EPOLL_CLOEXEC))
        bell = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        guard poll >= 0, bell >= 0, watch(bell, .readable) else {
            close()
            return nil
        }
    }

    deinit { events.deallocate() }

    /// To be called once, at the end.
    func close() {
        for descriptor in [bell, poll] where descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Waits for this of the socket from now on, and for nothing else of it.
    /// - Returns: `false` if the system refuses.
    func watch(_ socket: CInt, _ interest: Interest) -> Bool {
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(fd: socket))
        // Most are waited for anew: libcurl forgets a connection's socket at the end of each request.
        if epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event) == 0 { return true }
        return errno == EEXIST && epoll_ctl(poll, EPOLL_CTL_MOD, socket, &event) == 0
    }

    /// Waits for nothing of the socket any more; one that is closed or was not watched is nobody's loss.
    func forget(_ socket: CInt) {
        var event = epoll_event()
        epoll_ctl(poll, EPOLL_CTL_DEL, socket, &event)
    }

    /// Blocks until a socket is ready, `wakeUp` is called, or the time is over.
    func wait(milliseconds: Int) {
        ready = max(0, Int(epoll_wait(poll, events, CInt(Self.room), CInt(clamping: milliseconds))))
        for index in 0..<ready where events[index].data.fd == bell {
            var count: UInt64 = 0
            read(bell, &count, MemoryLayout.size(ofValue: count))
            ready -= 1
            events[index] = events[ready]
            return
        }
    }

    /// Hands out each socket that the last `wait` found ready, once, and what for. One that has failed or ended is ready for everything.
    func takeReady(_ take: (CInt, Interest) -> Void) {
        let count = ready
        ready = 0
        for index in 0..<count {
            let event = events[index]
            let isOver = event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
            take(event.data.fd, isOver ? [.readable, .writable] : Interest(rawValue: event.events))
        }
    }

    /// Ends the `wait` that is under way, or the next one.
    func wakeUp() {
        var one: UInt64 = 1
        write(bell, &one, MemoryLayout.size(ofValue: one))
    }
}
