import Digests
import FileIO
import Servables

extension ObjectFetch {
    enum Outcome {
        case verified(Verification)
        case mismatch(S3Error)
        /// Some bytes were staged, by an earlier process, without the checksum that is offered now.
        case notComputed
    }

    /// Compares the whole file with what the store offers.
    func verify(_ offered: OfferedChecksum) async throws(S3Error) -> Outcome {
        guard let crc64nvme = file.crc64nvme() else { return .notComputed }
        let got: String
        switch offered {
        case .none:
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
        case .digest(let kind, _):
            do throws(FileError) {
                got = Hex.encode(try await file.digest(kind))
            } catch {
                throw S3Error(.getObject, object.resource, .file(error))
            }
        }
        guard got == offered.text else {
            return .mismatch(
                S3Error(.getObject, object.resource, .checksumMismatch(offered.method, expected: offered.text, got: got)))
        }
        return .verified(Verification(crc64nvme: crc64nvme, method: offered.method))
    }
}
