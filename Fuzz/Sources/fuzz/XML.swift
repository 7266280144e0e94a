@testable import S3

/// A listing: bounded, and the same however the network cuts it.
@Sendable func fuzzListing(_ input: UnsafeRawBufferPointer) {
    let cut = input.first.map { Int($0) % max(1, input.count) } ?? 0
    let whole = page(of: [input])
    let halves = page(of: [UnsafeRawBufferPointer(rebasing: input[..<cut]), UnsafeRawBufferPointer(rebasing: input[cut...])])
    switch (whole, halves) {
    case (.success(let one), .success(let other)):
        check(one.objects == other.objects && one.prefixes == other.prefixes, "a cut changes a page")
        check(one.nextToken == other.nextToken, "a cut changes a token")
        check(one.objects.count + one.prefixes.count <= ListingPage.maximumItems, "a page is too long")
        for object in one.objects {
            check(object.size >= 0, "a size is negative")
            check(object.key.utf8.count <= ListingPage.maximumKeyBytes, "a key is too long")
            check(object.etag.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "an ETag cannot stand in a header")
        }
    case (.failure, .failure): break
    default: check(false, "a cut decides whether a listing is one")
    }
}

private func page(of slices: [UnsafeRawBufferPointer]) -> Result<ListingPage, XMLFault> {
    let parser = ListingParser()
    for slice in slices where !parser.take(slice) { break }
    return parser.finish()
}

/// An error's body, whose text goes into messages of one line.
@Sendable func fuzzErrorBody(_ input: UnsafeRawBufferPointer) {
    let body = ErrorBody(parsing: Array(input))
    let refusal = Refusal(
        status: 403, code: body.code, message: body.message, requestID: body.requestID, region: body.region)
    let error = S3Error(.getObject, S3Resource(bucket: "models", key: "mnist/1/saved_model.pb"), .refused(refusal))
    let line = error.description
    check(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "a message has a control character")
    check(line.utf8.count < 8_192, "a message is too long")
    if let better = refusal.betterRegion(than: "us-east-1") {
        check(!better.contains("."), "an answer chooses a domain")
    }
}
