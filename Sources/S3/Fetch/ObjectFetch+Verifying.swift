import Digests
import FileIO
import Servables
import SystemPackage

extension ObjectFetch {
    enum Outcome {
        case verified(Verification)
        case mismatch(S3Error)
        /// Some bytes were staged, by an earlier process, without the checksum that is offered now.
        case notComputed
    }

    /// Compares the whole file with what the store offers.
    func verify(_ comparison: Comparison) async throws(S3Error) -> Outcome {
        let offered = comparison.offered
        guard let crc64nvme = file.crc64nvme() else { return .notComputed }
        let got: String
        switch offered {
        case .none, .parts:
            return .verified(Verification(crc64nvme: crc64nvme, method: .size))
        case .crc(let crc, _):
            let computed: UInt64? =
                switch crc {
                case .crc64nvme: crc64nvme
                case .crc32c: file.crc32c().map(UInt64.init)
                case .crc32: file.crc32().map(UInt64.init)
                }
            guard let computed else { return .notComputed }
            got = OfferedChecksum.hexadecimal(computed, crc)
        case .digest(let digest, let value):
            let judgement = try await OfferedChecksum.judge(digest, value, sizes: comparison.sizes, compute: self.digest)
            switch judgement {
            case .equal(let method): return .verified(Verification(crc64nvme: crc64nvme, method: method))
            case .untold: return .verified(Verification(crc64nvme: crc64nvme, method: .size))
            case .different(let other): got = other
            }
        }
        guard got == offered.text else {
            return .mismatch(
                S3Error(.getObject, object.resource, .checksumMismatch(offered.method, expected: offered.text, got: got)))
        }
        return .verified(Verification(crc64nvme: crc64nvme, method: offered.method))
    }

    private func digest(_ digest: FileDigest) async throws(S3Error) -> [UInt8] {
        do throws(FileError) {
            return try await file.digest(digest)
        } catch {
            throw S3Error(.getObject, object.resource, error.errno == .canceled ? .cancelled : .file(error))
        }
    }
}
