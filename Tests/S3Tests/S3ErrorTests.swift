import Servables
import Testing
import Transfer

@testable import S3

@Suite("Errors of S3")
struct S3ErrorTests {
    private func error(
        _ status: Int, _ code: String? = nil, message: String? = nil, region: String? = nil, _ operation: S3Operation = .getObject
    ) -> S3Error {
        S3Error(
            operation, S3Resource(bucket: "b", key: "m/1/k"),
            .refused(Refusal(status: status, code: code, message: message, requestID: "R1", region: region)))
    }

    @Test("a refusal is one line with operation, object, code, message, request id and remedy")
    func line() {
        #expect(
            error(403, "AccessDenied", message: "Access Denied").description
                == "GetObject s3://b/m/1/k: 403 AccessDenied: Access Denied (request id R1); grant s3:GetObject on arn:aws:s3:::b/m/1/k; "
                + "without s3:ListBucket on arn:aws:s3:::b a missing object is answered the same way, and so is a bucket whose "
                + "requester pays (--s3-request-payer)")
    }

    @Test("whatever a store writes, a message stays one line of bounded length")
    func hostile() {
        let evil = "a\r\nb\u{1B}[31m\u{2028}\u{202E}" + String(repeating: "x", count: 100_000)
        let error = S3Error(
            .getObject, S3Resource(bucket: "b", key: "k\n\u{85}"),
            .refused(Refusal(status: 400, code: evil, message: evil, requestID: evil, region: evil)))
        let text = error.failure.message
        #expect(text.utf8.count < 2_000)
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && !(0x80...0x9F).contains($0.value) })
        #expect(!text.unicodeScalars.contains { $0 == "\u{2028}" || $0 == "\u{202E}" })
        #expect(text.contains("s3://b/k\\u{a}\\u{85}"))
    }

    static let kinds: [(status: Int, code: String?, kind: FailureKind, says: String?)] = [
        (403, "AccessDenied", .denied, "grant s3:GetObject"), (403, nil, .denied, "grant s3:GetObject"),
        (401, nil, .denied, "grant"), (403, "SignatureDoesNotMatch", .denied, "AWS_SECRET_ACCESS_KEY"),
        (403, "InvalidAccessKeyId", .denied, "AWS_ACCESS_KEY_ID"), (400, "ExpiredToken", .denied, "AWS_SESSION_TOKEN"),
        (403, "RequestTimeTooSkewed", .denied, "clock"), (403, "InvalidObjectState", .unavailable, "restore it"),
        (400, "KMS.DisabledException", .denied, "kms:Decrypt"), (404, "NoSuchBucket", .notFound, "bucket's name"),
        (404, "NoSuchKey", .notFound, "gone"), (301, "PermanentRedirect", .configuration, "--s3-region"),
        (400, "AuthorizationHeaderMalformed", .configuration, "(eu-west-1, it says)"), (400, "InvalidRequest", .unavailable, nil),
        (405, "MethodNotAllowed", .unavailable, nil), (501, "NotImplemented", .unavailable, nil),
        (407, nil, .configuration, "the proxy's user and password"), (302, nil, .configuration, "--s3-endpoint"),
    ]

    @Test("what cannot heal is not retried, and has the kind and the advice that it should", arguments: kinds)
    func permanent(expected: (status: Int, code: String?, kind: FailureKind, says: String?)) {
        let error = error(expected.status, expected.code, region: "eu-west-1")
        #expect(error.kind == expected.kind)
        #expect(error.retryPace == nil && !error.isTransient && !error.failure.isTransient)
        if let says = expected.says { #expect(error.description.contains(says), "\(error)") }
    }

    @Test("an AccessDenied that speaks of KMS asks for the key's permission")
    func kms() {
        let error = error(403, "AccessDenied", message: "User is not authorized to perform: kms:Decrypt on the resource")
        #expect(error.description.contains("grant kms:Decrypt"))
        #expect(error.kind == .denied)
    }

    @Test(
        "what may heal is retried, at its pace",
        arguments: [
            (500, "InternalError", RetryPace.transient), (502, nil, .transient), (504, nil, .transient), (408, nil, .transient),
            (400, "RequestTimeout", .transient), (503, nil, .throttled), (503, "SlowDown", .throttled), (429, nil, .throttled),
            (400, "ThrottlingException", .throttled), (520, nil, .transient),
        ] as [(Int, String?, RetryPace)])
    func transient(status: Int, code: String?, pace: RetryPace) {
        let error = error(status, code)
        #expect(error.retryPace == pace && error.isTransient)
        #expect(error.kind == .unavailable)
    }

    @Test("waits double up to a bound, and the dice take any part of them")
    func delays() {
        func delay(_ attempt: Int, _ pace: RetryPace, _ random: Double) -> Duration {
            RetryPolicy.delay(after: attempt, pace: pace, random: random)
        }
        #expect(delay(1, .transient, 1) == .milliseconds(100))
        #expect(delay(4, .transient, 0.5) == .milliseconds(400))
        #expect(delay(1, .throttled, 1) == .seconds(1))
        #expect(delay(60, .throttled, 1) == .seconds(20))
        #expect(delay(60, .transient, 0) == .zero)
        #expect(RetryPolicy.delay(after: 1, pace: .throttled, random: 0.5, asked: .seconds(3)) == .seconds(3))
        #expect(RetryPolicy.delay(after: 4, pace: .throttled, random: 0.5, asked: .seconds(3)) == .seconds(4))
        #expect(RetryPolicy.delay(after: 1, pace: .throttled, random: 0, asked: .seconds(3_600)) == .seconds(20))
    }

    @Test(
        "what a store asks to be left alone for is read, and nothing else is",
        arguments: [
            (["x-amz-retry-after": "1500", "retry-after": "7"], .milliseconds(1500)), (["retry-after": "7"], .seconds(7)),
            (["retry-after": "-7"], nil), (["retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"], nil),
            (["retry-after": "99999999999999999999"], nil), ([:], nil),
        ] as [([String: String], Duration?)])
    func retryAfter(headers: [String: String], expected: Duration?) {
        let head = ResponseHead(status: 503, headers: headers.map { HTTPHeader($0.key, $0.value) })
        #expect(Refusal(HTTPResponse(head: head, body: [])).retryAfter == expected)
    }

    @Test("further tries are paid for: given back where they help, one for each success at once, and with time")
    func budget() {
        var budget = RetryBudget(now: .seconds(100))
        func take(_ seconds: Int) -> Int {
            var count = 0
            while budget.take(now: .seconds(seconds)) { count += 1 }
            return count
        }
        #expect(take(100) == 100)
        #expect(take(104) == 0)
        #expect(take(105) == 1)
        for _ in 0..<4 { budget.succeeded(after: 1) }
        #expect(take(105) == 0)
        budget.succeeded(after: 1)
        #expect(take(105) == 1)
        budget.succeeded(after: 3)
        #expect(take(105) == 1)
        #expect(take(1_000_000) == 100)
    }

    @Test("a HEAD's bare 403 is taken for a wrong clock only where the clock is wrong")
    func bareSkew() throws {
        let now = Timestamp(secondsSinceEpoch: 1_000_000)
        func offset(_ seconds: Int64, code: String?) -> Duration? {
            Refusal(status: 403, code: code, date: Timestamp(secondsSinceEpoch: 1_000_000 + seconds)).clockError(sent: now)
        }
        #expect(offset(3_600, code: nil) == .seconds(3_600))
        #expect(offset(-3_600, code: nil) == .seconds(-3_600))
        #expect(offset(60, code: nil) == nil)
        #expect(offset(60, code: "RequestTimeTooSkewed") == .seconds(60))
        #expect(offset(3_600, code: "AccessDenied") == nil)
        #expect(Refusal(status: 403, code: "RequestTimeTooSkewed").clockError(sent: now) == nil)
    }

    @Test("failures of transport keep their words, and those of the file and the caller their kinds")
    func transport() {
        func kind(_ kind: TransportError.Kind) -> (FailureKind, Bool) {
            let error = S3Error(.getObject, S3Resource(bucket: "b"), S3Error.Cause(TransportError(kind, host: "h:1")))
            return (error.kind, error.isTransient)
        }
        #expect(kind(.connect(reason: "refused")) == (.unavailable, true))
        #expect(kind(.tls(.wrongName)) == (.unavailable, false))
        #expect(kind(.tls(.authorities(path: "/x"))) == (.configuration, false))
        #expect(kind(.tls(.clientCertificate(path: "/c", reason: "r"))) == (.configuration, false))
        #expect(kind(.tls(.certificateRequired)) == (.configuration, false))
        #expect(kind(.proxyRefused(status: 407)) == (.configuration, false))
        #expect(kind(.proxyRefused(status: 403)) == (.unavailable, false))
        #expect(kind(.proxyRefused(status: 502)) == (.unavailable, true))
        #expect(kind(.cancelled) == (.busy, false))
        #expect(kind(.shutDown) == (.busy, false))
        #expect(kind(.bodyTooLong(expected: 3)) == (.unavailable, true))
        #expect(kind(.invalidRequest(reason: "r")) == (.internalError, false))
    }
}
