import FileIO
public import Servables
import SystemPackage

/// The text of a profile file or of a file with a token, `nil` if there is none. A local file of a few kilobytes, read where it
/// is asked for.
/// - Throws: where it is there and cannot be read, is no UTF-8, or is larger than any such file.
@Sendable
public func readProfileFile(_ path: String) throws(Failure) -> String? {
    do throws(FileError) {
        let bytes = try FileSystem().readFile(FilePath(path), limit: ProfileFile.maximumSize)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileError("decode as UTF-8", FilePath(path), .illegalByteSequence)
        }
        return text
    } catch {
        switch error.errno {
        case .noSuchFileOrDirectory, .notDirectory, .isDirectory: return nil
        // In a directory that is closed to us, as another user's home that was left in HOME, nobody sees whether it is there.
        case .permissionDenied where (try? FileSystem().status(FilePath(path))) == nil: return nil
        default: break
        }
        throw Failure(.configuration, "\(error): correct the variable or setting that names it, or the file's mode")
    }
}
