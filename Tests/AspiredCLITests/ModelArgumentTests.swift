import Servables
import Testing

@testable import AspiredCLI

@Suite("--model NAME=URI")
struct ModelArgumentTests {
    private func parse(_ text: String) -> (model: ModelArgument?, problems: [String]) {
        var problems: [String] = []
        let model = ModelArgument.parse(text, problems: &problems)
        return (model, problems)
    }

    private static func s3(_ bucket: String, _ prefix: String, endpoint: String? = nil, region: String? = nil)
        -> Servables.SourceLocation
    {
        .s3(bucket: bucket, prefix: prefix, endpoint: endpoint, region: region)
    }

    @Test(
        "gives the place of the versions, percent-decoded and without slashes at its ends",
        arguments: [
            ("m=s3://bucket/models/m", s3("bucket", "models/m")),
            ("m=s3://bucket", s3("bucket", "")),
            ("m=s3://bucket/", s3("bucket", "")),
            ("m=s3://my.bucket_1-x/a", s3("my.bucket_1-x", "a")),
            ("m=s3://b//a/b///", s3("b", "a/b")),
            ("m=s3://b/a//b", s3("b", "a//b")),
            ("m=s3://b/a%20b%3Fc=d%25", s3("b", "a b?c=d%")),
            ("m=s3://b/%C3%A9+é", s3("b", "é+é")),
            ("m=s3://b/user@team:x#1", s3("b", "user@team:x#1")),
            ("m=s3://arn:aws:s3:eu-west-1:12:accesspoint:a/p/q", s3("arn:aws:s3:eu-west-1:12:accesspoint:a", "p/q")),
            ("m=s3://arn:aws:s3:eu-west-1:12:accesspoint/a/p/q", s3("arn:aws:s3:eu-west-1:12:accesspoint/a", "p/q")),
            ("m=s3://arn:aws:s3:eu-west-1:12:accesspoint/a", s3("arn:aws:s3:eu-west-1:12:accesspoint/a", "")),
            ("m=file:///srv/models/m", .directory(path: "/srv/models/m")),
            ("m=file:///srv/./a%20b/../c/", .directory(path: "/srv/c")),
            ("m=file:///", .directory(path: "/")),
            (
                "m=s3://b/p?endpoint=https%3A%2F%2Fminio%3A9000&region=eu-west-1",
                s3("b", "p", endpoint: "https://minio:9000", region: "eu-west-1")
            ),
            ("m=s3://b/p?endpoint=http://[::1]:9000/s3", s3("b", "p", endpoint: "http://[::1]:9000/s3")),
        ])
    func places(text: String, source: Servables.SourceLocation) {
        let (model, problems) = parse(text)
        #expect(problems == [])
        #expect(model?.source == source)
    }

    @Test("leaves to the global settings what it does not say")
    func leavesOpen() {
        let expected = ModelArgument(name: "m", source: Self.s3("b", "p"), policy: nil, ready: nil, isRequired: true)
        #expect(parse("m=s3://b/p").model == expected)
    }

    @Test("takes every override of its own")
    func overrides() {
        let (model, problems) = parse("a.B_c-9=s3://b/p?versions=latest:3&ready=marker:_SUCCESS&required=false")
        #expect(problems == [])
        #expect(model?.name == "a.B_c-9")
        #expect(model?.policy == .latest(3))
        #expect(model?.ready == .marker("_SUCCESS"))
        #expect(model?.isRequired == false)
        #expect(model?.serverName == nil)
        #expect(parse("m=s3://b/p?server-name=half%20plus").model?.serverName == "half plus")
        #expect(parse("m=file:///d?versions=3,7").model?.policy == .specific([3, 7]))
        #expect(parse("m=file:///d?ready=marker:done%2Fok").model?.ready == .marker("done/ok"))
    }

    @Test(
        "is refused with what is wrong",
        arguments: [
            ("m", "expected NAME=URI"),
            ("s3://bucket/key=1", "expected NAME=URI"),
            ("=s3://b/p", "name is empty"),
            (".m=s3://b/p", "begins with a dot"),
            ("a b=s3://b/p", "letters, digits"),
            ("é=s3://b/p", "letters, digits"),
            (String(repeating: "a", count: 256) + "=s3://b/p", "longer than 255"),
            ("m=", "s3:// or file://"),
            ("m=/srv/m", "s3:// or file://"),
            ("m=gs://b/p", "s3:// or file://"),
            ("m=s3:/b/p", "s3:// or file://"),
            ("m=s3://", "bucket's name is empty"),
            ("m=s3:///p", "bucket's name is empty"),
            ("m=s3://b%2Fc/p", "bucket's name may hold"),
            ("m=s3://../p", "bucket's name may hold"),
            ("m=s3://-b/p", "bucket's name may hold"),
            ("m=s3://" + String(repeating: "b", count: 256), "longer than 255"),
            ("m=s3://key:secret@b/p", "credentials do not belong"),
            ("m=s3://arn:secret@b/p", "credentials do not belong"),
            ("m=s3://arn:aws:s3:e:1:accesspoint:a%2Fb/p", "credentials do not belong"),
            ("m=file://srv/m", "three slashes"),
            ("m=file://", "three slashes"),
            ("m=s3://b/a%2", "two hexadecimal digits"),
            ("m=s3://b/a%zz", "two hexadecimal digits"),
            ("m=s3://b/%FF", "give UTF-8"),
            ("m=s3://b/a%0Ab", "control character"),
            ("m=file:///a%00b", "control character"),
            ("m=s3://b/p?", "unknown ?="),
            ("m=s3://b/p?version=3", "unknown ?version=; the nearest known one is ?versions="),
            ("m=s3://b/p?servername=x", "unknown ?servername=; the nearest known one is ?server-name="),
            ("m=s3://b/p?versions=", "?versions= has no value"),
            ("m=s3://b/p?versions", "?versions= has no value"),
            ("m=s3://b/p?versions=latest:0", "?versions=: the number after latest:"),
            ("m=s3://b/p?versions=1&versions=2", "?versions= is given twice"),
            ("m=s3://b/p?ready=soon", "?ready=: expected auto"),
            ("m=s3://b/p?ready=manifest:x", "?ready=: expected auto"),
            ("m=s3://b/p?ready=marker:..%2Fx", "not a path below"),
            ("m=s3://b/p?required=perhaps", "?required=: expected true or false"),
            ("m=s3://b/p?endpoint=minio:9000", "?endpoint=: expected a URL"),
            ("m=s3://b/p?region=a%2Fb", "?region=: expected the name"),
            ("m=file:///d?endpoint=http://h", "?endpoint= is for s3:// only"),
            ("m=file:///d?region=r", "?region= is for s3:// only"),
        ])
    func refused(text: String, reason: String) {
        let (model, problems) = parse(text)
        #expect(model == nil)
        #expect(problems.count == 1)
        #expect(problems.first?.contains(reason) == true, "\(problems)")
    }

    @Test("tells everything that is wrong at once")
    func allProblems() {
        #expect(parse(".m=gs://b?x=1&ready=no&required=maybe").problems.count == 5)
    }
}
