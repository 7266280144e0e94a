import FileIO
import Servables
import Volume

extension Volume {
    /// Empties the trash. What cannot be deleted is reported and harms nothing: the next sweep tries again.
    @discardableResult
    func sweep(reportingTo telemetry: any Telemetry) -> Int {
        do throws(VolumeError) {
            return try sweep()
        } catch {
            telemetry.record(.warning("\(error.failure.message); it takes space until a later sweep can delete it"))
            return 0
        }
    }
}
