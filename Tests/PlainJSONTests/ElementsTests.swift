import PlainJSON
import Testing

@Suite("Elements handed on one by one")
struct ElementsTests {
    /// What `each` is given of the member `files`, up to `limit` elements.
    private func elements(_ text: String, limit: Int = .max) -> (Result<JSON, JSONFault>, [JSON]) {
        final class Taken { var elements: [JSON] = [] }
        let taken = Taken()
        do throws(JSONFault) {
            let json = try JSON(parsing: text.utf8, elementsOf: "files") { element in
                taken.elements.append(element)
                return taken.elements.count < limit
            }
            return (.success(json), taken.elements)
        } catch {
            return (.failure(error), taken.elements)
        }
    }

    @Test("The elements come in their order, and the rest is there without them")
    func inOrder() throws {
        let (json, found) = elements(#"{"version":1,"files":[{"path":"a"},2,[3]],"more":{"files":[4]}}"#)
        #expect(found == [.object([.init("path", .string("a"))]), .integer(2), .array([.integer(3)])])
        let rest = try json.get()
        #expect(rest["version"] == .integer(1))
        #expect(rest["files"] == .array([]))
        #expect(rest["more"]?["files"] == .array([.integer(4)]), "only the outermost object's member is meant")
    }

    @Test(
        "Where it is no array, or not there, it is as any other member",
        arguments: ["{}", #"{"files":{"a":1}}"#, #"{"files":null}"#])
    func noArray(text: String) throws {
        let (json, found) = elements(text)
        #expect(try json.get() == JSON(parsing: text))
        #expect(found.isEmpty)
    }

    @Test("An outermost array is none of its elements")
    func outermostArray() throws {
        let (json, found) = elements(#"[{"files":[1]}]"#)
        #expect(try json.get() == JSON(parsing: #"[{"files":[1]}]"#))
        #expect(found.isEmpty)
    }

    @Test("What is kept is bounded: of one element, and of what is beside them; how many there are is not")
    func bounded() throws {
        func zeros(_ count: Int) -> String { "[" + String(repeating: "0,", count: count - 1) + "0]" }
        let (few, many) = (zeros(JSON.valueLimit - 10), zeros(JSON.valueLimit + 10))
        for text in ["{\"files\":[],\"x\":\(few)}", "{\"x\":\(few),\"files\":[]}", "{\"files\":[\(few),\(few)]}"] {
            #expect(throws: Never.self) { try elements(text).0.get() }
        }
        for text in ["{\"files\":[],\"x\":\(many)}", "{\"x\":\(many),\"files\":[]}", "{\"files\":[\(many)]}"] {
            #expect(throws: JSONFault.self) { try elements(text).0.get() }
        }
        let (json, found) = elements("{\"files\":\(many)}")
        #expect(throws: Never.self) { try json.get() }
        #expect(found.count == JSON.valueLimit + 10)
    }

    @Test("Who wants no more ends it")
    func stops() {
        let (json, found) = elements(#"{"files":[1,2,3,4]}"#, limit: 2)
        #expect(found == [.integer(1), .integer(2)])
        #expect(throws: JSONFault.self) { try json.get() }
    }

    @Test(
        "Faults are found as ever",
        arguments: [#"{"files":[1,}"#, #"{"files":[1]} x"#, #"{"files":[1],"files":[2]}"#, #"{"files":[1"#])
    func faults(text: String) {
        #expect(throws: JSONFault.self) { try elements(text).0.get() }
    }
}
