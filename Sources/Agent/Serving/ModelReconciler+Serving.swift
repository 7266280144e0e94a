import FileIO
import Servables
import Volume

// MARK: - What the model server says of published versions (`--server`)

extension ModelReconciler {
    /// How often the server is asked while it has something to decide, and once that takes long.
    private static let viewInterval: Duration = .milliseconds(500)
    private static let slowViewInterval: Duration = .seconds(5)
    private static let slowAfter: Duration = .seconds(60)
    /// What it said may be acted on for so long: it may have begun to load what is to be moved since.
    private static let viewLifetime: Duration = .seconds(2)
    /// How long a version is kept out for the sake of a server that still has an earlier content of it.
    private static let goneLimit: Duration = .seconds(60)
    static let goneInterval: Duration = .milliseconds(250)

    /// Takes up what is published now.
    /// - Returns: what the plan goes by; `nil` without a server.
    func followServer(_ held: Inventory, _ now: Duration) -> ServingState? {
        guard server != nil else { return nil }
        let published = held.published.compactMap { entry in
            entry.manifest.map { ServerWatch.Published(entry.version, at: $0.publishedAt, wasRefused: $0.refusal != nil) }
        }
        // What is staged as the agent starts may have been on its way in where the number had another content before.
        let aside = held.refused.map(\.version) + held.parked.map(\.version) + (watch.hasBegun ? [] : held.staged)
        watch.follow(published, aside: aside, returned: returned, now)
        returned.subtract(published.map(\.version))
        for version in overdue(now) where watch.say(overdue: version) {
            telemetry.record(
                .warning(
                    "\(model.name) \(version) is not confirmed after \(settings.confirmTimeout.text): "
                        + "\(watch.reason(version) ?? "no answer yet"); it stays, and nothing is pruned for it"))
        }
        return watch.serving(now, patience: settings.confirmTimeout)
    }

    /// Aspired versions that the server should have confirmed by now; of others nobody waits for its word.
    func overdue(_ now: Duration) -> [Version] {
        watch.overdue(now, after: settings.confirmTimeout).filter { plan.aspired.contains($0) }
    }

    // MARK: Asking

    /// Asks the server, where it has something to decide or something waits for its word.
    func startViewing(_ now: Duration) {
        guard let server, viewing == nil, !Task.isCancelled, let due = viewDue(now), due <= now else { return }
        viewing = Task {
            _ = await ask(server)
            viewing = nil
            bell.ring()
        }
    }

    /// What the server calls the model: in a list of ours it is as we do.
    var serverName: String { list == nil ? model.serverName ?? model.name : model.name }

    /// Asks the server by the name that it knows the model by, and has `watch` take what it says.
    /// - Returns: what it said; `nil` where that is of no use any more: the model has another name there now, or all is to end.
    func ask(_ server: any ServerLink) async -> Result<ServerView, ServerFault>? {
        let name = serverName
        let answer: Result<ServerView, ServerFault>
        do throws(ServerFault) { answer = .success(try await server.view(of: name)) } catch { answer = .failure(error) }
        guard !Task.isCancelled, name == serverName else { return nil }
        take(answer, of: server)
        return answer
    }

    /// When the server is to be asked next; `nil`: not before there is something to ask.
    func viewDue(_ now: Duration) -> Duration? {
        let isAwaited = watch.isOpen || awaitsServer || !moves.isEmpty && !isServerKnown(now)
        if server?.loadsWhenTold == true {
            let isOpen = isAwaited || !isAtRest || watch.fault != nil
            return viewedAt.map { $0 + (isOpen ? Self.toldViewInterval : Self.toldIdleInterval) } ?? .zero
        }
        // Labels are watched for as long as there are any: they must be out of the list before a server starts anew.
        guard server != nil, isAwaited || listFreedom?.hasLabels == true else { return nil }
        guard let viewedAt else { return .zero }
        let isSlow = watch.waiting(now).map { $0 > Self.slowAfter } ?? !isAwaited
        return viewedAt + (isSlow ? Self.slowViewInterval : Self.viewInterval)
    }

    /// Whether a version waits for the server to be done with it.
    private var awaitsServer: Bool { plan.keep.values.contains { $0 == .loading || $0 == .listed } }

    /// Versions that are moved only by what the server says now.
    private var moves: [Version] { plan.prune + plan.park }

    /// Whether what the server said last may be acted on: a version that it loads is never moved.
    func isServerKnown(_ now: Duration) -> Bool {
        guard server != nil else { return true }
        guard watch.fault == nil, let answeredAt = watch.answeredAt else { return false }
        return now - answeredAt <= Self.viewLifetime
    }

    func take(_ answer: Result<ServerView, ServerFault>, of server: any ServerLink) {
        let now = time.uptime()
        let before = (confirmed: watch.confirmed, fault: watch.fault)
        switch answer {
        case .success(let view):
            watch.saw(view, now)
            if loading == nil { loads.saw(view) }
            if before.fault != nil { telemetry.record(.notice("\(server.description) answers for \(model.name)")) }
            for version in watch.confirmed.subtracting(before.confirmed).sorted() {
                telemetry.record(.confirmed(model: model.name, version: version, took: watch.age(of: version, now)))
            }
        case .failure(let fault):
            watch.sawNothing(fault, now)
            if fault.isAway { loads.lost() }
            if before.fault == nil {
                telemetry.record(
                    .notice(
                        "\(fault.failure.message); it is asked again, and until it has confirmed what is new nothing old is pruned"
                    ))
            }
        }
        viewedAt = now
    }

    /// Waits until the server has let go of an earlier content of a version that is about to come in: what it says of that number would
    /// be of the earlier one.
    /// - Returns: whether it said so; `false` where it cannot be asked, or takes too long.
    func awaitGone(_ version: Version, isReplaced: Bool) async -> Bool {
        // What was found in place, and is not what the source has, does not come back as it was.
        if isReplaced { returned.remove(version) }
        guard let server else { return false }
        if server.loadsWhenTold, !loads.looksByItself {
            // It compares files, and not names: what it has of the number stays until it is told to load.
            await awaitRest(server, for: version)
            return true
        }
        let isGone = isReplaced || watch.hasLeft(version) ? await awaitLetGo(version, server) : false
        if server.loadsWhenTold { await awaitRest(server, for: version) }
        return isGone
    }

    private func awaitLetGo(_ version: Version, _ server: any ServerLink) async -> Bool {
        let deadline = time.uptime() + Self.goneLimit
        var isSaid = false
        var waitingSince: Duration?
        while !Task.isCancelled {
            let answer = await ask(server)
            let now = time.uptime()
            switch answer {
            case .success(let view)?:
                guard let state = view.states[version], !state.isGone else { return true }
                waitingSince = state == .waiting ? waitingSince ?? now : nil
            case .failure(let fault)?: if fault.isAway { return false }
            case nil: break
            }
            if let waitingSince {
                // It has read nothing. It may be about to: then it is to have seen that nothing is there.
                if now - waitingSince >= settings.republishPause { return true }
                do { try await time.sleep(for: Self.goneInterval) } catch { return false }
                continue
            }
            guard now < deadline else {
                telemetry.record(
                    .warning(
                        "\(server.description) still has an earlier \(model.name) \(version) after \(Self.goneLimit.text): the new one is "
                            + "put in, and counts as loaded only after the server was seen without it"))
                return false
            }
            if !isSaid {
                telemetry.record(
                    .notice(
                        "\(server.description) still has an earlier \(model.name) \(version): the new one waits until it has let go of it"
                    ))
            }
            isSaid = true
            do { try await time.sleep(for: Self.goneInterval) } catch { return false }
        }
        return false
    }

    /// Waits until the server is not loading a version that is about to be replaced (CONTRACT section 4): as long as that takes.
    func awaitLoaded(_ version: Version) async {
        guard let server else { return }
        if server.loadsWhenTold { return await awaitRest(server, for: version) }
        while !Task.isCancelled {
            switch await ask(server) {
            case .success?: if !watch.loading(time.uptime()).contains(version) { return }
            case .failure(let fault)?: if fault.isAway { return }
            case nil: break
            }
            do { try await time.sleep(for: Self.goneInterval) } catch { return }
        }
    }

    // MARK: Acting

    /// Takes out what the server could not load, and what hides a lower version from it; puts back what may come back.
    func startSettingAside(_ now: Duration) {
        let (name, volume, telemetry) = (model.name, volume, telemetry)
        for (version, reason) in plan.refuse {
            takeOut(version, now) { () throws(VolumeError) in
                try volume.refuse(name, version, reason: reason)
                telemetry.record(.refused(model: name, version: version, reason: reason))
            }
        }
        if isServerKnown(now) {
            for version in plan.park {
                takeOut(version, now) { () throws(VolumeError) in
                    try volume.park(name, version)
                    telemetry.record(
                        .notice("\(name) \(version) is taken out of the server's sight, so that it loads a lower version"))
                }
            }
        }
        for version in plan.unpark where isAtRest {
            guard let place = inventory?.parked.first(where: { $0.version == version })?.version else { continue }
            // The server may have loaded it: it comes back as it was.
            returned.insert(place)
            work(on: place, now) { () throws(VolumeError) in
                try volume.unpark(name, place)
                telemetry.record(.notice("\(name) \(place) is back in the server's sight"))
            }
        }
        for version in plan.readmit where isAtRest {
            work(on: version, now) { () throws(VolumeError) in
                try volume.readmit(name, version)
                telemetry.record(
                    .notice("\(name) \(version), which the server had refused, is put in again (--republish-refused)"))
            }
        }
        for version in plan.forget {
            work(on: version, now) { () throws(VolumeError) in
                try volume.forget(name, refused: version)
                volume.sweep(reportingTo: telemetry)
            }
        }
    }
}
