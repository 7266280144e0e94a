import ServingEmulator
import Testing

@Suite("REST", .timeLimit(.minutes(5)))
struct RESTTests {
    @Test("the states of a model's versions, as bytes over a socket")
    func states() async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1")
            try scratch.version("m/20170111173521", "bad")
            let emulator = TensorFlowServingEmulator(
                models: [EmulatedModel(name: "m", basePath: scratch["m"])], options: EmulatorOptions(maxLoadRetries: 0))
            // The bad one is taken away until the server serves.
            try scratch.rename("m/20170111173521", to: "m/.new")
            try await emulator.running {
                #expect(await emulator.wait { $0.isListening })
                try scratch.rename("m/.new", to: "m/20170111173521")
                #expect(await emulator.wait { $0.states(of: "m")[20_170_111_173_521] == .end })
                let answer = try await get(emulator.url, "/v1/models/m")
                #expect(answer.status == 200)
                #expect(answer.contentType == "application/json")
                #expect(
                    answer.body == """
                        {
                         "model_version_status": [
                          {
                           "version": "20170111173521",
                           "state": "END",
                           "status": {
                            "error_code": "DATA_LOSS",
                            "error_message": "Can't parse \(scratch["m"])/20170111173521/saved_model.pb as binary proto"
                           }
                          },
                          {
                           "version": "1",
                           "state": "AVAILABLE",
                           "status": {
                            "error_code": "OK",
                            "error_message": ""
                           }
                          }
                         ]
                        }

                        """)
                let one = try await get(emulator.url, "/V1/MODELS/m/Versions/001")
                #expect(one.status == 200)
                #expect(one.body.contains("\"version\": \"1\""))
                #expect(!one.body.contains("20170111173521"))
                #expect(one.body == emulator.answer("GET", "/v1/models/m/versions/1")?.body)
            }
        }
    }

    @Test(
        "what cannot be answered",
        arguments: [
            ("GET", "/v1/models/other", 404, "Could not find any versions of model other"),
            ("GET", "/v1/models/m/versions/2", 404, "Could not find version 2 of model m"),
            ("GET", "/v1/models/other/versions/1", 404, "Could not find version 1 of model other"),
            ("GET", "/v1/models/", 400, "Malformed request: GET /v1/models/"),
            ("GET", "/v1/models", 400, "Missing model name in request."),
            ("GET", "/v1/models/versions/1", 400, "Missing model name in request."),
            ("GET", "/v1/models/m/versions/-1", 400, "Malformed request: GET /v1/models/m/versions/-1"),
            ("GET", "/v1/models/m/versions/x", 400, "Malformed request: GET /v1/models/m/versions/x"),
            ("GET", "/v1/models/m/1", 400, "Malformed request: GET /v1/models/m/1"),
            ("GET", "/v1/models/m/", 400, "Malformed request: GET /v1/models/m/"),
            (
                "GET", "/v1/models/m/versions/99999999999999999999", 400,
                "Failed to convert version: 99999999999999999999 to numeric."
            ),
            ("PUT", "/v1/models/m", 400, "Malformed request: PUT /v1/models/m"),
        ] as [(String, String, Int, String)])
    func errors(method: String, target: String, status: Int, message: String) async throws {
        try await Scratch.with { scratch in
            let answer = try serving(scratch).answer(method, target)
            #expect(answer?.status == status)
            #expect(answer?.contentType == "application/json")
            #expect(answer?.body == "{\n    \"error\": \"\(message)\"\n}")
        }
    }

    @Test("labels are not looked at, queries neither; names are percent-encoded")
    func quirks() async throws {
        try await Scratch.with { scratch in
            let emulator = try serving(scratch)
            let all = emulator.answer("GET", "/v1/models/m")
            #expect(all?.status == 200)
            #expect(emulator.answer("GET", "/v1/models/m/labels/stable") == all)
            #expect(emulator.answer("GET", "/v1/models/m?x=1") == all)
            #expect(emulator.answer("GET", "/v1/models/%6d") == all)
            #expect(emulator.answer("GET", "/metrics")?.status == 404)
            #expect(emulator.answer("GET", "/metrics")?.contentType == "text/html")
        }
    }

    @Test("messages are escaped")
    func escapes() async throws {
        let status = ServingStatus(.unknown, "a \"b\" \\ <c>\n\u{1}ü")
        let script = LoadScript([1: [.loaded], 2: [.failed(status)]])
        try await Scratch.with { scratch in
            try scratch.folders("m/1")
            let emulator = TensorFlowServingEmulator(
                models: [EmulatedModel(name: "m", basePath: scratch["m"])],
                options: EmulatorOptions(maxLoadRetries: 0, load: { script.outcome($0) }))
            try emulator.pollAndSettle()
            try scratch.folders("m/2")
            try emulator.pollAndSettle()
            let body = emulator.answer("GET", "/v1/models/m/versions/2")?.body ?? ""
            #expect(body.contains("\"error_message\": \"a \\\"b\\\" \\\\ \\u003cc\\u003e\\n\\u0001ü\"\n"))
        }
    }

    @Test("an ended version stays listed, and an empty base path leaves nothing but ended ones")
    func ended() async throws {
        try await Scratch.with { scratch in
            let emulator = try serving(scratch)
            scratch.remove("m/1")
            try emulator.pollAndSettle()
            let answer = emulator.answer("GET", "/v1/models/m")
            #expect(answer?.status == 200)
            #expect(answer?.body.contains("\"state\": \"END\"") == true)
            #expect(answer?.body.contains("\"error_code\": \"OK\"") == true)
        }
    }

    private func serving(_ scratch: Scratch) throws -> TensorFlowServingEmulator {
        try scratch.version("m/1")
        let emulator = TensorFlowServingEmulator(models: [EmulatedModel(name: "m", basePath: scratch["m"])])
        try emulator.pollAndSettle()
        #expect(emulator.phase == .serving)
        return emulator
    }
}
