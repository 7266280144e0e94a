import Servables
import Transfer

/// What a GET asks for, and whether an answer is that: decided before the first byte is written.
struct Wanted: Hashable, Sendable {
    let object: S3Object
    let range: Range<Int64>
    /// Asked for without `Range`: the answer's headers are about the whole object, so they may offer a checksum.
    let isWhole: Bool

    enum Verdict: Hashable {
        /// The bytes are those.
        case take
        /// Anything but what was asked for.
        case refuse(S3Error.Cause)
    }

    /// Judges an answer that is no error. Whatever does not fit exactly is another revision, or a server that must not be
    /// trusted with this one.
    func verdict(on head: ResponseHead) -> Verdict {
        guard !object.isOther(etag: head["etag"]) else {
            return .refuse(.objectChanged("it has been replaced: its ETag is \(head["etag"] ?? "")"))
        }
        let length = head.contentLength
        switch (head.status, isWhole) {
        case (200, true):
            guard length == nil || length == object.size else {
                return .refuse(.objectChanged("it has \(length ?? 0) bytes where \(object.size) were listed"))
            }
            return .take
        // rclone answers ranges with 200; its Content-Range says all the same what the body is.
        case (206, false), (200, false):
            guard let answered = head.contentRange else {
                return .refuse(
                    .objectChanged(
                        head.status == 200
                            ? "a range was asked for and the whole object answered: the store, or a proxy, ignores Range"
                            : "a range was answered without Content-Range"))
            }
            guard answered.total == object.size else {
                return .refuse(
                    .objectChanged("it has \(answered.total.map(String.init) ?? "?") bytes where \(object.size) were listed"))
            }
            guard answered.range == range, length == nil || length == Int64(range.count) else {
                return .refuse(.objectChanged("other bytes were answered than were asked for"))
            }
            return .take
        default:
            return .refuse(.unintelligible("status \(head.status) for bytes of an object", mayHeal: false))
        }
    }

    /// The request.
    var call: S3Call {
        var headers = object.pin
        if isWhole {
            headers.append(("x-amz-checksum-mode", "ENABLED"))
        } else {
            headers.append(("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)"))
        }
        return S3Call(operation: .getObject, resource: object.resource, headers: headers)
    }
}

extension S3Error.Cause {
    /// What a refusal says of an object that was listed a moment ago: gone or replaced is a change.
    func asChange() -> S3Error.Cause {
        guard case .refused(let refusal) = self else { return self }
        switch refusal.status {
        case 412: return .objectChanged("it has been replaced (\(refusal.text))")
        case 416: return .objectChanged("it has become shorter (\(refusal.text))")
        case 404 where refusal.isMissingObject: return .objectChanged("it is gone (\(refusal.text))")
        default: return self
        }
    }
}

extension FailedTry {
    /// The same, its cause told from a change of the object.
    func asChange() -> FailedTry {
        FailedTry(error: S3Error(error.operation, error.resource, error.cause.asChange()), signing: signing)
    }
}
