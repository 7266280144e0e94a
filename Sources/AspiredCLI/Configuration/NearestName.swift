/// Finds the name that was probably meant.
enum NearestName {
    /// The known name nearest to `name`; of several equally near the first. `nil` only when `known` is empty.
    static func nearest(to name: String, of known: some Sequence<String>) -> String? {
        ranked(name, known)?.name
    }

    /// As `nearest`, but `nil` when nothing is so near that it was probably meant: more than a third of the letters differ.
    static func suggestion(for name: String, of known: some Sequence<String>) -> String? {
        guard let best = ranked(name, known), best.distance * 3 <= name.count else { return nil }
        return best.name
    }

    private static func ranked(_ name: String, _ known: some Sequence<String>) -> (name: String, distance: Int)? {
        var best: (name: String, distance: Int)?
        for candidate in known {
            let distance = distance(name, candidate)
            if distance < (best?.distance ?? Int.max) { best = (candidate, distance) }
        }
        return best
    }

    /// Letters to insert, drop, replace or swap with their neighbour until one is the other (optimal string alignment).
    static func distance(_ left: String, _ right: String) -> Int {
        // Nobody's typing slip is this long, and the time grows with the square.
        let (left, right) = (Array(left.utf8.prefix(100)), Array(right.utf8.prefix(100)))
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row]
            for column in 1...right.count {
                let isSame = left[row - 1] == right[column - 1]
                var cost = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (isSame ? 0 : 1))
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    cost = min(cost, beforeLast[column - 2] + 1)
                }
                current.append(cost)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
