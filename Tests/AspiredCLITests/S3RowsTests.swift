import Servables
import Testing

@testable import AspiredCLI

@Suite("What aspired config says of S3")
struct S3RowsTests {
    private func config(
        _ environment: [String: String], model: String = "m=s3://b", format: String = "text"
    ) async -> Outcome {
        await aspired("config --model \(model) -o \(format)", environment: environment, bodies: .built)
    }

    private func words(_ outcome: Outcome) -> String {
        outcome.result.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    @Test("the proxy that holds for the endpoint is shown without its user and password, with its variable")
    func proxy() async {
        let environment = ["HTTPS_PROXY": "http://us:hunter2@proxy:3128"]
        for format in ["text", "json"] {
            let outcome = await config(environment, format: format)
            #expect(outcome.code == .done)
            #expect(outcome.result.contains("http://***@proxy:3128"))
            #expect(!outcome.result.contains("hunter2") && !outcome.result.contains("us:"))
        }
        #expect(words(await config(environment)).contains("s3 proxy http://***@proxy:3128 HTTPS_PROXY"))
        let exception = environment.merging(["NO_PROXY": "amazonaws.com"]) { $1 }
        #expect(words(await config(exception)).contains("s3 proxy - NO_PROXY"))
        #expect(words(await config([:])).contains("s3 proxy - default"))
        let plain = environment.merging(["AWS_ENDPOINT_URL": "http://minio:9000", "http_proxy": "q:1"]) { $1 }
        #expect(words(await config(plain)).contains("s3 proxy http://q:1 http_proxy"))
    }

    @Test("a proxy that is none is one fault, which names the variable and shows nothing of it")
    func badProxy() async {
        let outcome = await config(["https_proxy": "socks5://us:hunter2@proxy"])
        #expect(outcome.code == .usage)
        #expect(
            outcome.result.hasSuffix(
                "\nFAULTS\nhttps_proxy: expected an HTTP proxy, such as http://proxy.example:3128; others are not supported\n"))
        #expect(!outcome.result.contains("hunter2"))
    }

    @Test("dual-stack and FIPS are shown with their origins")
    func variants() async {
        let shown = words(await config(["AWS_USE_FIPS_ENDPOINT": "true"]))
        #expect(shown.contains("s3 dual-stack false default s3 fips true AWS_USE_FIPS_ENDPOINT"))
    }

    @Test("a model whose bucket cannot be asked for is a fault with what to do")
    func bucket() async {
        let outcome = await config([:], model: "m=s3://arn:aws:s3-outposts:us-east-1:1:outpost/p")
        #expect(outcome.code == .usage)
        #expect(outcome.result.hasSuffix("S3 on Outposts is not supported; name a bucket or an S3 access point\n"))
        let contradiction = await config(["AWS_USE_FIPS_ENDPOINT": "true"], model: "m=s3://b?endpoint=http://h")
        #expect(contradiction.code == .usage)
        #expect(contradiction.result.contains("cannot be used together with the endpoint of ?endpoint=; take one of them away"))
    }
}
