import FileIO
import Servables
import SystemPackage

/// Why a version was taken out of its base path: where it lies meanwhile, beside the other state.
enum Aside: String, CaseIterable, Sendable {
    /// So that the server loads a lower one.
    case parked
    /// Since the server could not load it.
    case refused

    /// What is there of a version; tells its directory's name.
    enum Form: String, CaseIterable, Sendable {
        /// All of it.
        case whole
        /// Nothing: its files had to make room, but that it was refused stays known.
        case givenUp
        /// All of it, within the base path that comes back with it.
        case onItsWay

        var suffix: String {
            switch self {
            case .whole: ""
            case .givenUp: ".given-up"
            case .onItsWay: ".base"
            }
        }
    }
}

/// A version that lies aside.
struct AsideEntry {
    let aside: Aside
    let version: Version
    let form: Aside.Form
    let path: FilePath
    let status: FileStatus

    init?(_ aside: Aside, in directory: FilePath, _ name: String, _ status: FileStatus) {
        guard status.kind == .directory else { return nil }
        for form in Aside.Form.allCases where name.hasSuffix(form.suffix) {
            guard let version = Version(name.dropLast(form.suffix.count)) else { continue }
            // Nobody gives up a parked one.
            if form == .givenUp, aside == .parked { return nil }
            self.aside = aside
            self.version = version
            self.form = form
            path = directory.appending(name)
            self.status = status
            return
        }
        return nil
    }
}

// A version lies aside for as long as its directory does: the rename that takes it there, or away, is the one step that decides, so
// that being killed before or after it leaves nothing in doubt. Its manifest is the same all the while. What stands in the base path
// under the name of a version that lies aside was put there by others, and that manifest does not vouch for it (CONTRACT P7).
extension Volume {
    /// The directories of a model that lie aside; none where a symlink or a file is in the way.
    func asideEntries(_ model: String, _ asides: [Aside] = Aside.allCases) throws(FileError) -> [AsideEntry] {
        var entries: [AsideEntry] = []
        for aside in asides {
            guard try fileSystem.status(layout.aside(aside))?.kind == .directory else { continue }
            let directory = layout.aside(aside, model)
            guard try fileSystem.status(directory)?.kind == .directory else { continue }
            for name in try fileSystem.listIfThere(directory) {
                // Gone since the listing.
                guard let status = try fileSystem.status(directory.appending(name)) else { continue }
                if let entry = AsideEntry(aside, in: directory, name, status) { entries.append(entry) }
            }
        }
        return entries
    }

    /// Whether a version's manifest is that of one that lies aside.
    func liesAside(_ model: String, _ version: Version) throws(FileError) -> Bool {
        try asideEntries(model).contains { $0.version.name == version.name }
    }

    /// Where a version lies as a whole, if it lies there.
    func kept(_ aside: Aside, _ model: String, _ version: Version) throws(FileError) -> FilePath? {
        try asideEntries(model, [aside]).first { $0.form == .whole && $0.version.name == version.name }?.path
    }

    /// Where a version of ours is: aside, else in the base path.
    func place(of version: Version, _ model: String) throws(FileError) -> FilePath {
        let aside = try asideEntries(model).first { $0.form == .whole && $0.version.name == version.name }
        return aside?.path ?? layout.version(model, version)
    }

    /// Clears the way for another content of a version: what lies aside of its number goes to the trash.
    func dropAside(_ model: String, _ version: Version) throws(FileError) {
        let entries = try asideEntries(model).filter { $0.version == version }
        // Before the directories, without which it would vouch for what is in the base path, or comes there.
        for entry in entries { try manifests.remove(model, entry.version) }
        for entry in entries { try moveToTrash(entry.path, label: "\(model)-\(entry.version.name)") }
        // Or a power failure could bring them back beside the new content.
        for aside in Set(entries.map(\.aside)) { try fileSystem.syncDirectory(layout.aside(aside, model)) }
    }

    /// Makes the directory for a model's versions durably. Whatever else has its name, a symlink above all, goes: only we write
    /// there.
    func makeAside(_ aside: Aside, _ model: String) throws(FileError) {
        for (path, parent) in [(layout.aside(aside), layout.state), (layout.aside(aside, model), layout.aside(aside))] {
            if let status = try fileSystem.status(path), status.kind != .directory {
                try moveToTrash(path, label: aside.rawValue)
            }
            if try fileSystem.makeDirectory(path, mode: 0o755) { try fileSystem.syncDirectory(parent) }
        }
    }

    /// Undoes what was done of bringing back a base path with a version that lay aside, if it came to nothing.
    func takeBack(_ aside: Aside, _ model: String, _ version: Version) throws(FileError) {
        let entries = try asideEntries(model, [aside])
        guard let whole = entries.first(where: { $0.form == .onItsWay && $0.version.name == version.name })?.path else { return }
        let inside = whole.appending(version.name)
        let place = layout.aside(aside, model, version)
        if try fileSystem.status(inside)?.kind == .directory, try fileSystem.status(place) == nil {
            try fileSystem.renameWithoutReplacing(inside, place)
            // Else the power may go with only the next rename done, and the version in the trash.
            try fileSystem.syncDirectory(layout.aside(aside, model))
        }
        try moveToTrash(whole, label: "\(model)-\(version.name)-base")
    }

    /// Clears up what lies aside: all of it that has no manifest, since only we write there.
    func recoverAside(_ aside: Aside) throws(FileError) {
        let top = layout.aside(aside)
        guard let status = try fileSystem.status(top) else { return }
        guard status.kind == .directory else {
            try moveToTrash(top, label: aside.rawValue)
            return
        }
        for model in try fileSystem.list(top) {
            let directory = layout.aside(aside, model)
            guard try fileSystem.status(directory)?.kind == .directory else {
                try moveToTrash(directory, label: "\(model)-\(aside)")
                continue
            }
            for entry in try asideEntries(model, [aside]) where entry.form == .onItsWay {
                try takeBack(aside, model, entry.version)
            }
            let entries = try asideEntries(model, [aside])
            var known: Set<String> = []
            for entry in entries where try manifests.header(model, entry.version) != nil {
                if entry.form == .givenUp {
                    let isWhole = entries.contains { $0.form == .whole && $0.version.name == entry.version.name }
                    if isWhole { continue }
                    try empty(entry, model)
                }
                if let name = entry.path.lastComponent?.string { known.insert(name) }
            }
            for name in try fileSystem.list(directory) where !known.contains(name) {
                try moveToTrash(directory.appending(name), label: "\(model)-\(name)")
            }
            try removeIfEmpty(directory)
        }
        try removeIfEmpty(top)
    }

    /// Takes from a version that was given up what is left of it.
    func empty(_ entry: AsideEntry, _ model: String) throws(FileError) {
        for name in try fileSystem.listIfThere(entry.path) {
            try moveToTrash(entry.path.appending(name), label: "\(model)-\(entry.version.name)-part")
        }
    }
}
