import Glibc
import SystemPackage

/// The test data of other projects, which is not part of this one: tests that need it skip where it is absent.
enum SharedData {
    static let savedModels: FilePath = {
        if let variable = getenv("ASPIRED_SHARED_DIR") {
            return FilePath(String(cString: variable)).appending("testdata").appending("savedmodel")
        }
        let package = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
            .removingLastComponent()
        return package.removingLastComponent().appending("shared").appending("testdata").appending("savedmodel")
    }()

    static let isPresent = access(savedModels.string, R_OK) == 0
}
