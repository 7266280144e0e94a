import Testing

@testable import AspiredCLI

@Suite("The name that was probably meant")
struct NearestNameTests {
    @Test(
        "distance counts letters inserted, dropped, replaced and swapped",
        arguments: [
            ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abc", "abxc", 1), ("abc", "ac", 1),
            ("abc", "axc", 1),
            ("abc", "acb", 1), ("kitten", "sitting", 3), ("modle", "model", 1), ("ca", "abc", 3),
        ])
    func distance(left: String, right: String, expected: Int) {
        #expect(NearestName.distance(left, right) == expected)
        #expect(NearestName.distance(right, left) == expected)
    }

    @Test("something far away is no suggestion, but still the nearest")
    func suggestion() {
        let known = ["--model", "--root"]
        #expect(NearestName.suggestion(for: "--modle", of: known) == "--model")
        #expect(NearestName.suggestion(for: "--bandwidth", of: known) == nil)
        #expect(NearestName.suggestion(for: "-x", of: ["-o"]) == nil)
        #expect(NearestName.nearest(to: "--bandwidth", of: known) != nil)
        #expect(NearestName.nearest(to: "x", of: []) == nil)
    }

    @Test("a name of any length is answered at once")
    func long() {
        #expect(NearestName.distance(String(repeating: "a", count: 1_000_000), "b") == 100)
    }
}
