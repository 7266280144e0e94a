import CChecksum
import FileIO
import Glibc
import Servables
import SystemPackage

@testable import S3

// What a single operation costs: sums beside the copy that a body's bytes take anyway, a signature, a page of a listing, and calls on
// files beside the system calls that they make.

// MARK: Sums, of a piece as it is written

let piece = 128 << 10
let into = UnsafeMutableRawPointer.allocate(byteCount: piece, alignment: 4096)
let noise = UnsafeMutableRawPointer.allocate(byteCount: piece, alignment: 4096)
for index in 0..<piece {
    noise.storeBytes(of: UInt8(truncatingIfNeeded: index &* 167 &+ index >> 8), toByteOffset: index, as: UInt8.self)
}
let from = UnsafeRawPointer(noise)
let megabytes = [(count: piece, unit: "MB/s", factor: 1e6)]
print("\(piece >> 10) KiB, by \(String(cString: aspired_crc_method()))")
print(Measurement { use(memcpy(into, from, piece)) }.line("memcpy", megabytes))
print(Measurement { use(aspired_crc64nvme(0, from, piece)) }.line("CRC-64/NVME", megabytes))
print(Measurement { use(aspired_crc32c(0, from, piece)) }.line("CRC-32C", megabytes))
print(Measurement { use(aspired_crc32(0, from, piece)) }.line("CRC-32", megabytes))

// MARK: Signing a GET, as each request is

let signer = RequestSigner(
    credentials: Credentials(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", sessionToken: nil),
    region: "us-east-1")
let now = Timestamp(secondsSinceEpoch: 1_800_000_000)
let signing = Measurement {
    let request = CanonicalRequest(
        method: "GET", path: "/models/mnist/7/variables/variables.data-00000-of-00001", query: [],
        headers: [
            ("host", "s3.us-east-1.amazonaws.com"), ("range", "bytes=8388608-16777215"), ("if-match", "\"0123456789abcdef-16\""),
            ("x-amz-content-sha256", RequestSigner.emptyPayloadHash), ("x-amz-date", RequestSigner.dateTime(now)),
        ],
        payloadHash: RequestSigner.emptyPayloadHash)
    use(signer.sign(request, at: now).authorization)
}
print("\nA signed GET")
print(signing.line("sign", [(1, "requests/s", 1)]))

// MARK: A page of a listing, in slices as they come

let keys = 1_000
let page = Array(
    ("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>models</Name>"
        + "<Prefix>mnist/7/</Prefix><EncodingType>url</EncodingType><KeyCount>\(keys)</KeyCount><IsTruncated>false</IsTruncated>"
        + (0..<keys).map { number in
            "<Contents><Key>mnist/7/variables/variables.data-\(number)-of-\(keys)</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
                + "<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>\(number * 4_099)</Size>"
                + "<StorageClass>STANDARD</StorageClass></Contents>"
        }.joined() + "</ListBucketResult>").utf8)
let parsing = Measurement {
    let parser = ListingParser()
    page.withUnsafeBytes { bytes in
        for start in stride(from: 0, to: bytes.count, by: 16 << 10) {
            _ = parser.take(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 16 << 10, bytes.count)]))
        }
    }
    guard case .success(let parsed) = parser.finish(), parsed.objects.count == keys else { fatalError("the page is none") }
    use(parsed)
}
print("\nA page of \(keys) keys, \(page.count >> 10) KiB")
print(parsing.line("parse", [(keys, "keys/s", 1), (page.count, "MB/s", 1e6)]))

// MARK: Calls on files through the seam at which tests have them fail

let path = FilePath("/dev/shm/aspired-micro.\(getpid())")
let file = try FileSystem().open(path, .createNew)
let plain = open(path.string, O_RDWR | O_CLOEXEC)
defer { _ = try? FileSystem().removeFile(path) }
let bytes = UnsafeRawBufferPointer(start: from, count: piece)
print("\nCalls on a file in memory: the system call, and the same through FileIO")
print(Measurement { use(pwrite(plain, from, piece, 0)) }.line("pwrite", megabytes))
print(Measurement { try? file.write(bytes, at: 0) }.line("Descriptor.write", megabytes))
let calls = [(count: 1, unit: "calls/s", factor: 1.0)]
var status = stat()
print(Measurement { use(lstat(path.string, &status)) }.line("lstat", calls))
print(Measurement { use(try? FileSystem().status(path)) }.line("FileSystem.status", calls))
