import S3
import Servables
import SystemPackage
import Transfer

extension CommandBodies {
    /// The commands as they are.
    static let built = CommandBodies(
        run: RunCommand.run, once: OnceCommand.run, plan: PlanCommand.run, status: StatusCommand.run,
        verify: VerifyCommand.run, probe: ProbeCommand.run, configurationRows: s3Rows, listedModels: listedModels)

    /// Of a list in S3 nothing: `config` asks nobody.
    @Sendable
    private static func listedModels(_ context: CommandContext) throws -> [DesiredModel] {
        guard case .directory(let path) = context.configuration.modelsConfig else { return [] }
        let text = try ModelListReader.text(of: FilePath(path))
        return try ListedModels(text, of: path, beside: context.configuration).synced
    }

    /// What S3 makes of its settings and of its own environment; the credentials are named by where they come from only.
    @Sendable
    private static func s3Rows(_ context: CommandContext) async throws -> [ConfigurationRow] {
        let s3 = try context.configuration.s3.resolved(environment: context.inputs.environment)
        let route = s3.proxies.route(to: s3.serviceURL)
        for case .s3(let bucket, _, let endpoint, let region) in context.configuration.models.map(\.source) {
            try context.configuration.s3
                .resolved(environment: context.inputs.environment, endpoint: endpoint, region: region).check(bucket: bucket)
        }
        return [
            ConfigurationRow(name: "s3 endpoint", value: s3.endpoint.value?.description ?? "AWS", origin: s3.endpoint.origin),
            ConfigurationRow(name: "s3 region", value: s3.region.value, origin: s3.region.origin),
            ConfigurationRow(name: "s3 addressing", value: s3.addressing.value.rawValue, origin: s3.addressing.origin),
            ConfigurationRow(name: "s3 dual-stack", value: "\(s3.dualStack.value)", origin: s3.dualStack.origin),
            ConfigurationRow(name: "s3 fips", value: "\(s3.fips.value)", origin: s3.fips.origin),
            ConfigurationRow(name: "s3 proxy", value: route.proxy?.description, origin: route.origin),
            ConfigurationRow(name: "s3 anonymous", value: "\(s3.anonymous.value)", origin: s3.anonymous.origin),
            ConfigurationRow(name: "s3 ca file", value: s3.caFile.value, origin: s3.caFile.origin),
            ConfigurationRow(
                name: "s3 client certificate", value: s3.clientCertificate.value?.certificate, origin: s3.clientCertificate.origin
            ),
            ConfigurationRow(name: "s3 verify tls", value: "\(s3.verifyTLS.value)", origin: s3.verifyTLS.origin),
        ]
    }
}
