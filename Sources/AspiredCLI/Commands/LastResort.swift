import FileIO
import Glibc

/// Ends the process if a clean stop takes too long: whatever is cut off so, the next start takes up (CONTRACT P4).
enum LastResort {
    /// Within the 5 s that the contract gives a stop.
    private static let patience: UInt32 = 4_500_000

    static func arm(code: ExitCode) {
        spawnThread(name: "aspired-exit") {
            usleep(patience)
            _exit(code.rawValue)
        }
    }
}
