import Servables

// MARK: - The server's list of models (`--render-models-config`)

extension ModelReconciler {
    /// Brings the server's list forward by the plan, and keeps in place what the server may still want by the list before.
    func followList(_ held: Inventory, _ now: Duration) async {
        guard let list else { return }
        let standing = ListStanding(
            plan, policy: model.policy, isListed: available.listed?.isEmpty == false, inventory: held,
            served: server != nil ? watch.available : mode == .once ? .away : .unasked)
        let isKnown = server != nil && isServerKnown(now)
        let seen = isKnown ? server.flatMap { server in watch.lastView.map { (by: server.description, view: $0) } } : nil
        let freedom = await list.follow(model.name, standing, seen: seen)
        listFreedom = freedom
        func mayGo(_ version: Version) -> Bool {
            freedom?.mayGo(version, watch.lastView?.states[version], isAsked: watch.lastView != nil, now) ?? false
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
        var isSaid = false
        while !Task.isCancelled {
            switch await list.leave(of: name) {
            // There is no server that goes by one.
            case .noFile: return
            case .pending: break
            case .elsewhere(let since): if time.uptime() - since >= ListFreedom.patience { return }
            case .out(let since):
                let isSettled = time.uptime() - since >= ListFreedom.patience
                if await hasDropped(name, serverName: serverName, isSettled: isSettled) { return }
                if isSettled, !isSaid, let server { telemetry.record(.warning(list.unread(by: server.description, of: name))) }
                isSaid = isSaid || isSettled
            }
            do { try await time.sleep(for: Self.dropInterval) } catch { return }
        }
    }

    private func hasDropped(_ name: String, serverName: String, isSettled: Bool) async -> Bool {
        guard let server else { return isSettled }
        do throws(ServerFault) {
            // That one could not be loaded, or waits, says nothing of the list that it goes by.
            return try await server.view(of: serverName).states.values.allSatisfy { $0 == .ended || isSettled && !$0.hasRead }
        } catch {
            // One that starts now reads the file as it is.
            return error.isAway && isSettled
        }
    }
}
