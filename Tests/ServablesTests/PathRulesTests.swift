import Servables
import Testing

@Suite("Path rules")
struct PathRulesTests {
    @Test(
        "What can be a file of a version may be one",
        arguments: [
            "a", "saved_model.pb", "variables/variables.data-00000-of-00001", "a/b/c/d", ".hidden", "...", "..a", "a..",
            "a/.../b", "ü/日本/é",
            "with space", "back\\slash", "~", "-rf", "a:b", "a?*b", "e\u{301}", "a/e\u{301}", String(repeating: "x", count: 255),
        ])
    func allows(path: String) {
        #expect(PathRules.fault(of: path) == nil)
    }

    @Test(
        "A key that would leave its version, or cannot be a file, has a fault",
        arguments: [
            "", "/", "/etc/passwd", "..", ".", "../x", "a/..", "a/../b", "a/../../b", "./a", "a/.", "a//b", "a/", "//a", "a\0b",
            "a\nb", "a\r\nb",
            "a\u{1b}[0m", "\u{7f}", "a\u{85}b", "a/b\u{9f}", String(repeating: "x", count: 256),
            "a/" + String(repeating: "ü", count: 128),
            String(repeating: "ab/", count: 1000) + "c",
            // A combining mark makes one Character of itself and the slash before it.
            "../\u{301}x", "/\u{301}etc", "a/../\u{200d}b", "..\u{2f}\u{20dd}",
        ])
    func refuses(path: String) {
        #expect(PathRules.fault(of: path) != nil)
    }

    @Test("A path of up to 3000 bytes is taken")
    func longest() {
        let path = String(repeating: String(repeating: "d", count: 249) + "/", count: 11) + String(repeating: "f", count: 250)
        #expect(path.utf8.count == 3000)
        #expect(PathRules.fault(of: path) == nil)
        #expect(PathRules.fault(of: path + "f") == "it is longer than 3000 bytes")
    }

    @Test("What is printed holds no control character")
    func printable() {
        #expect(PathRules.printable("a\u{1b}[31m\nb\u{85}é") == "a\\u{1b}[31m\\u{a}b\\u{85}é")
    }
}
