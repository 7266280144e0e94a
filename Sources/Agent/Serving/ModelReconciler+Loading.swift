import Servables
import Volume

// MARK: - A server that loads what it is told to (Triton in explicit mode)

extension ModelReconciler {
    /// How often such a server is asked while it has something to decide, and else: it may have been started anew (CONTRACT section 4).
    static let toldViewInterval: Duration = .seconds(2)
    static let toldIdleInterval: Duration = .seconds(10)
    /// A version that waits for the server for so long is reported.
    private static let restPatience: Duration = .seconds(60)

    /// Whether what is in the base path may be moved: nothing of a model may while such a server loads it, or lets go of a part of it.
    var isAtRest: Bool {
        guard server?.loadsWhenTold == true else { return true }
        return loading == nil && watch.lastView?.isChanging != true
    }

    /// Has the server load what is in place, where that is not what it loaded last and nothing is on its way in or out.
    func startLoading(_ held: Inventory, _ now: Duration) {
        guard let server, server.loadsWhenTold, watch.fault == nil, watch.lastView != nil, isAtRest, !isPublishing,
            working.isEmpty,
            areFilesIn, !Task.isCancelled
        else { return }
        let standing = standing(held)
        guard loads.isDue(standing, now) else { return }
        watch.began(loading: standing)
        loading = Task {
            await load(standing, by: server)
            loading = nil
            bell.ring()
        }
    }

    /// What is in place, as far as it matters to the server.
    func standing(_ held: Inventory) -> ServerLoads.Standing {
        var standing = ServerLoads.Standing()
        for entry in held.published { standing.versions[entry.version] = entry.manifest?.publishedAt }
        standing.files = files.held?.inPlace.mapValues(\.tag) ?? [:]
        return standing
    }

    private func load(_ standing: ServerLoads.Standing, by server: any ServerLink) async {
        let name = serverName
        do throws(ServerFault) {
            switch try await server.load(name) {
            case .done:
                loads.loaded(standing)
                watch.tried(standing, isDone: true)
                if case .success(let view)? = await ask(server) { loads.saw(view) }
            case .failed(let words):
                watch.tried(standing, isDone: false)
                // What it says of each version tells which of them is to go, and why.
                let view = try? await ask(server)?.get()
                let isTold = standing.versions.keys.contains { view?.hasFailed($0) == true }
                if !isTold { files.putsBack = settings.syncsModelFiles }
                failed(
                    standing, Failure(.unavailable, "load \(name) at \(server.description): \(words)", isTransient: true),
                    isTold: isTold)
            case .looksByItself(let words):
                loads.refusedOrders()
                telemetry.record(
                    .notice(
                        "\(server.description) takes no orders (\(words)): it has to poll its repository; "
                            + "--model-control-mode=explicit is safer"))
            }
        } catch {
            guard !Task.isCancelled else { return }
            if error.isAway { take(.failure(error), of: server) } else { failed(standing, error.failure) }
        }
    }

    /// - `isTold`: another line says it, of the version whose fault it is.
    private func failed(_ standing: ServerLoads.Standing, _ failure: Failure, isTold: Bool = false) {
        let (random, now) = (time.random(), time.uptime())
        loads.failed(standing, failure, now) { settings.sourceBackoff.wait(after: $0, random: random) }
        if isTold { return }
        telemetry.record(
            .warning(
                "\(failure.message); what it had loaded stays, and it is tried again in \(((loads.retryAt ?? now) - now).text)"))
    }

    /// Waits until nothing keeps what is in the base path from being moved, and keeps the server from loading until that is done.
    /// - `version`: what is to come in.
    func awaitRest(_ server: any ServerLink, for version: Version) async {
        let since = time.uptime()
        var isSaid = false
        while !Task.isCancelled {
            if isAtRest { break }
            if loading == nil { _ = await ask(server) }
            if isAtRest { break }
            if !isSaid, time.uptime() - since >= Self.restPatience {
                telemetry.record(
                    .warning(
                        "\(server.description) has been at work on \(model.name) for \(Self.restPatience.text): \(version) waits until it "
                            + "has loaded, or let go of, what it is at; if that does not end, restart it"))
                isSaid = true
            }
            do { try await time.sleep(for: Self.goneInterval) } catch { return }
        }
        isPublishing = true
    }
}

extension ServerView {
    /// Whether the server is at work on a version.
    fileprivate var isChanging: Bool { states.values.contains { $0.isLoading || $0 == .unloading } }

    fileprivate func hasFailed(_ version: Version) -> Bool {
        if case .failed = states[version] { true } else { false }
    }
}

extension Agent {
    /// Has a server that is told what to load let go of a model that is no longer configured, and waits until it has.
    /// - Parameter serverName: what the server calls it.
    func awaitUnloaded(_ serverName: String) async {
        guard let server, server.loadsWhenTold else { return }
        var isSaid = false
        while !Task.isCancelled {
            do throws(ServerFault) {
                let answer = try await server.unload(serverName)
                let view = try await server.view(of: serverName)
                if case .looksByItself = answer {
                    // It lets go of it when the directory is gone.
                    if !view.isChanging { return }
                } else if view.states.values.allSatisfy(\.isGone) {
                    return
                }
                if !isSaid, case .failed(let words) = answer {
                    telemetry.record(
                        .warning(
                            "unload \(serverName) at \(server.description): \(words); it is tried again, and until then it stays")
                    )
                    isSaid = true
                }
            } catch {
                if error.isAway { return }
            }
            do { try await time.sleep(for: Self.dropInterval) } catch { return }
        }
    }
}
