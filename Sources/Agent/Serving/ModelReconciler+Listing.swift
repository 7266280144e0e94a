import Servables

// MARK: - The server's list of models (`--render-models-config`)

extension ModelReconciler {
    /// Brings the server's list forward by the plan, and keeps in place what the server may still want by the list before.
    func followList(_ held: Inventory, _ now: Duration) async {
        guard let list else { return }
        let standing = ListStanding(
            plan, policy: model.policy, isListed: available.listed?.isEmpty == false, inventory: held,
            served: server == nil ? .none : watch.available)
        let isKnown = server != nil && isServerKnown(now)
        let seen = isKnown ? server.flatMap { server in watch.lastView.map { (by: server.description, view: $0) } } : nil
        let freedom = await list.follow(model.name, standing, seen: seen)
        listFreedom = freedom
        func mayGo(_ version: Version) -> Bool {
            freedom?.mayGo(version, watch.lastView?.states[version], isAsked: server != nil, now) ?? false
        }
        let stays = plan.prune.filter { held[$0] != nil && !mayGo($0) }
        let refused = plan.refuse.filter { mayGo($0.key) }
        isHeldByList = !stays.isEmpty || refused.count < plan.refuse.count
        for version in stays { plan.keep[version] = .listed }
        plan.prune.removeAll { stays.contains($0) }
        plan.refuse = refused
    }

    /// When what the list keeps in place may go, as far as time decides.
    func listDue(_ now: Duration) -> Duration? { isHeldByList ? listFreedom?.nextDue(now) : nil }
}

extension Agent {
    /// How often the server is asked whether it has let go of a model.
    static let dropInterval: Duration = .milliseconds(1_100)

    /// Waits until the server has let go of a model that its list no longer has.
    /// - Parameters:
    ///   - name: the model.
    ///   - serverName: what the server calls it.
    func awaitDropped(_ name: String, serverName: String) async {
        guard let list else { return }
        var isFirst = true
        while !Task.isCancelled {
            let (isListed, since) = await list.leave(of: name)
            // Without a file there is no server that goes by one.
            guard let since else { return }
            let isSettled = time.uptime() - since >= ListFreedom.patience
            if let server, !isListed {
                do throws(ServerFault) {
                    let states = try await server.view(of: serverName).states
                    if states.values.allSatisfy({ $0 == .ended }) { return }
                    if isSettled, states.values.allSatisfy(\.isGone) { return }
                    if isSettled, isFirst {
                        isFirst = false
                        telemetry.record(.warning(list.unread(by: server.description, of: name)))
                    }
                } catch {
                    // One that starts now reads the file as it is.
                    if error.isAway, isSettled { return }
                }
            } else if isSettled {
                return
            }
            do { try await time.sleep(for: Self.dropInterval) } catch { return }
        }
    }
}
