import Agent
import FileIO
import Monitoring
import Servables
import SystemPackage
import Volume

/// `aspired status`: what the volume holds, from the volume alone.
enum StatusCommand {
    static func run(_ context: CommandContext) async throws -> ExitCode {
        let configuration = context.configuration
        let layout = VolumeLayout(root: FilePath(configuration.root), state: FilePath(configuration.stateDirectory))
        let worker = WorkerThread(name: "aspired-look")
        let volume = Volume(layout: layout, reader: worker)
        let status: AgentStatus
        do throws(VolumeError) {
            status = try await worker.run { () throws(VolumeError) in
                try VolumeReport.read(volume, program: ProgramVersion.current)
            }
        } catch {
            throw error.failure
        }
        switch context.format {
        case .text: try context.output.result(StatusReport.table(status))
        case .json: try context.output.result(StatusReport.json(status))
        }
        return .done
    }
}
