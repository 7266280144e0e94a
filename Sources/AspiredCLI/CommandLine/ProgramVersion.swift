/// The version of the program, as `--version`, logs, status and metrics give it.
enum ProgramVersion {
    static let current = "0.1.0"
}
