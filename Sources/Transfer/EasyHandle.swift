import CCurl

/// A libcurl easy handle, used for one exchange after another by one thread.
final class EasyHandle {
    let raw: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    private var headerLines: UnsafeMutablePointer<curl_slist>?

    /// - Parameters:
    ///   - options: what every exchange has in common, as `CurlOption.lasting` makes them.
    ///   - callbacks: what is called while a transfer runs.
    /// - Throws: what libcurl said to the option that it refused; that there is no memory.
    init(_ options: [CurlOption], _ callbacks: Callbacks) throws(CurlError) {
        guard ReceiveBuffers.isLibraryReady, let raw = curl_easy_init() else { throw CurlError(code: CURLE_OUT_OF_MEMORY) }
        self.raw = raw
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        for option in options { try set(option) }
        try check(ccurl_set_pointer(raw, CURLOPT_ERRORBUFFER, errorText))
        try check(ccurl_set_data_callback(raw, CURLOPT_HEADERFUNCTION, callbacks.header))
        try check(ccurl_set_data_callback(raw, CURLOPT_WRITEFUNCTION, callbacks.body))
        try check(ccurl_set_prereq_callback(raw, callbacks.connected))
    }

    deinit {
        curl_easy_cleanup(raw)
        curl_slist_free_all(headerLines)
        errorText.deallocate()
    }

    /// Sets what an exchange has of its own, so that the handle can be added to a multi handle.
    /// - Parameters:
    ///   - options: as `CurlOption.own` makes them.
    ///   - context: what the callbacks are given.
    /// - Throws: what libcurl said to the option that it refused.
    func prepare(_ options: [CurlOption], context: UnsafeMutableRawPointer) throws(CurlError) {
        for option in options { try set(option) }
        for option in [CURLOPT_HEADERDATA, CURLOPT_WRITEDATA, CURLOPT_PREREQDATA] {
            try check(ccurl_set_pointer(raw, option, context))
        }
    }

    /// The functions that libcurl calls on the thread of the transfer.
    struct Callbacks {
        let header: curl_write_callback
        let body: curl_write_callback
        let connected: curl_prereq_callback
    }

    /// Forgets the request, header values and body included.
    func forget() {
        for option in [
            CURLOPT_URL, CURLOPT_HTTPHEADER, CURLOPT_COPYPOSTFIELDS, CURLOPT_HEADERDATA, CURLOPT_WRITEDATA, CURLOPT_PREREQDATA,
        ] { _ = ccurl_set_pointer(raw, option, nil) }
        curl_slist_free_all(headerLines)
        headerLines = nil
        errorText[0] = 0
    }

    private func set(_ option: CurlOption) throws(CurlError) {
        switch option {
        case .long(let name, let value): try check(ccurl_set_long(raw, name, value))
        case .string(let name, let value): try check(ccurl_set_string(raw, name, value))
        case .headers(let lines):
            for line in lines {
                guard let longer = curl_slist_append(headerLines, line) else { throw CurlError(code: CURLE_OUT_OF_MEMORY) }
                headerLines = longer
            }
            try check(ccurl_set_pointer(raw, CURLOPT_HTTPHEADER, headerLines))
        case .body(let bytes):
            try check(ccurl_set_offset(raw, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count)))
            let status = bytes.withUnsafeBufferPointer { buffer in
                // A null pointer would mean that a callback gives the body.
                buffer.isEmpty
                    ? ccurl_set_string(raw, CURLOPT_COPYPOSTFIELDS, "")
                    : ccurl_set_pointer(raw, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: buffer.baseAddress))
            }
            try check(status)
        }
    }

    private func check(_ code: CURLcode) throws(CurlError) {
        guard code == CURLE_OK else { throw CurlError(code: code) }
    }
}

extension EasyHandle {
    /// What libcurl said of the last failure: printable, at most 200 bytes, empty if it said nothing.
    var message: String {
        let bytes = UnsafeBufferPointer(start: errorText, count: Int(CURL_ERROR_SIZE)).lazy.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes.prefix { $0 != 0 }.prefix(200).map { 0x20...0x7E ~= $0 ? $0 : 0x20 }, as: UTF8.self)
    }

    /// A number that libcurl keeps of the transfer; 0 if it has none.
    func long(_ info: CURLINFO) -> Int {
        var value = 0
        return ccurl_get_long(raw, info, &value) == CURLE_OK ? value : 0
    }

    /// A size or a time that libcurl keeps of the transfer; 0 if it has none.
    func offset(_ info: CURLINFO) -> Int64 {
        var value: curl_off_t = 0
        return ccurl_get_offset(raw, info, &value) == CURLE_OK ? Int64(value) : 0
    }
}

/// A code of libcurl's other than `CURLE_OK`.
struct CurlError: Error {
    let code: CURLcode
}

extension CURLcode {
    /// libcurl's general text for the code.
    var text: String { String(cString: curl_easy_strerror(self)) }
}
